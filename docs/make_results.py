"""Write docs/results.md from the committed rows of every study, and from nothing else: `python docs/make_results.py`."""

from pathlib import Path

from stf2m.core.files import atomic_write_text
from stf2m.evaluation.results import write_results
from stf2m.evaluation.rows import RowFile, current
from stf2m.evaluation.study import cells_of, load_study

ROOT = Path(__file__).resolve().parents[1]
ORDER = (
    "ravdess", "ravdess_named", "ravdess_missing", "ravdess_seconds", "ravdess_methods", "ceap360vr", "ceap_three", "ceap_seconds", "ceap_context",
    "ceap_new_stimulus", "stress_predict", "stress_context", "hku956", "synthetic", "synthetic_null", "literature_ceap",
)  # fmt: skip


def main() -> None:
    """Head, then one section per study that has rows."""
    parts = [(ROOT / "docs" / "results.head.md").read_text(encoding="utf-8").rstrip()]
    for name in ORDER:
        rows = ROOT / "studies" / "results" / f"{name}.csv"
        if rows.exists():
            study = load_study(ROOT / "studies" / f"{name}.toml")
            found = current(RowFile(rows).read(), {cell.settings for cell in cells_of(study)})
            parts.append(write_results(study, found, "protocols.md").rstrip())
    atomic_write_text(ROOT / "docs" / "results.md", "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
