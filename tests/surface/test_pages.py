"""What the pages promise is there: code that runs, names and files that exist, generated pages that are fresh."""

import csv
import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import stf2m
from stf2m.app.cli import app
from stf2m.core import errors
from stf2m.evaluation.study import cells_of, load_study

MARK = "<!-- runs in tests/surface/test_pages.py -->\n```python\n"


@pytest.fixture
def desk(tmp_path, monkeypatch, bundle_path, files):
    """A folder with the files that the pages speak of."""
    shutil.copytree(bundle_path, tmp_path / "people.stf2m")
    for path in files.values():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def code_of(page: Path) -> list[str]:
    return [block.split("```")[0] for block in page.read_text(encoding="utf-8").split(MARK)[1:]]


def run(code: str) -> dict:
    space: dict = {}
    exec(compile(code, "page", "exec"), space)
    return space


def test_the_readme_runs(root, desk, capsys):
    (code,) = code_of(root / "README.md")
    found = run(code)
    assert found["timeline"].subject == "ada"
    assert (desk / "tuesday.parquet").is_file()


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md"])
def test_the_commands_of_a_page_run_in_order(root, desk, page):
    text = (root / page).read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in text.split(MARK.replace("python", "console"))[1:]]
    commands = [line.removeprefix("$ stf2m ") for block in blocks for line in block.splitlines()]
    assert len(commands) >= 3
    for command in commands:
        done = CliRunner().invoke(app, shlex.split(command, comments=True))
        assert done.exit_code == 0, f"{command}: {done.stderr}"


def test_the_straight_line_gives_what_predict_gives(root, desk):
    (code,) = code_of(root / "docs" / "architecture.md")
    found = run(code)
    bundle = stf2m.load_bundle("people.stf2m")
    stf2m.personalise(bundle, [stf2m.read("monday.csv")], "ada")
    said = stf2m.predict(bundle, stf2m.read("tuesday.csv"), person="ada")
    np.testing.assert_allclose(found["probability"].detach().numpy(), said.probability, atol=1e-5)


def test_every_public_name_is_there_and_has_a_docstring():
    for name in stf2m.__all__:
        thing = getattr(stf2m, name)
        assert name.startswith("__") or thing.__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = stf2m.nothing


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs"])
def test_links_between_pages_lead_somewhere(root, page):
    pages = sorted((root / page).rglob("*.md")) if (root / page).is_dir() else [root / page]
    for path in pages:
        for target in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} -> {target}"


def test_the_symbol_table_names_what_exists(root):
    text = (root / "docs" / "method.md").read_text(encoding="utf-8").split("## Symbols")[1]
    rows = re.findall(r"^\|[^|]+\|[^|]+\| (`[^|]+) \| `([^`]+)` \|$", text, flags=re.M)
    assert len(rows) == sum(line.startswith("|") and "`" in line for line in text.splitlines()) > 15
    for names, file in rows:
        source = (root / "src" / "stf2m" / file).read_text(encoding="utf-8")
        for name in re.findall(r"`([^`]+)`", names):
            assert re.search(rf"\b{re.escape(name)}\b", source), f"{name} in {file}"


def test_the_architecture_names_every_file_once(root):
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Files by room")[1].split("\n## ")[0]
    named = [
        f"{room}/{file}"
        for room, files in re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, flags=re.M)
        for file in re.findall(r"`([^`]+)`", files)
    ]
    source = root / "src" / "stf2m"
    there = [p.relative_to(source).as_posix() for p in source.rglob("*.py") if not p.name.startswith("__")]
    assert sorted(named) == sorted(there)


def test_the_concepts_name_modules_that_exist(root):
    text = (root / "docs" / "concepts.md").read_text(encoding="utf-8")
    for name in re.findall(r"\| `((?:core|prepare|tasks|meta|model|training|evaluation)(?:\.\w+)*)` \|", text):
        parts = name.split(".")
        for cut in range(len(parts), 0, -1):
            try:
                thing = importlib.import_module("stf2m." + ".".join(parts[:cut]))
            except ModuleNotFoundError:
                continue
            for part in parts[cut:]:
                fields = getattr(thing, "__dataclass_fields__", {})
                assert hasattr(thing, part) or part in fields or part in getattr(thing, "__annotations__", {}), name
                thing = getattr(thing, part, None)
            break


def of_docs(root, name):
    """A module of the folder docs."""
    sys.path.insert(0, str(root / "docs"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def test_generated_pages_are_fresh(root):
    for name, text in of_docs(root, "generate").pages().items():
        assert (root / "docs" / name).read_text(encoding="utf-8") == text, f"docs/{name} is stale: run make docs"


def test_every_key_of_a_mapping_has_a_meaning(root):
    text = (root / "docs" / "settings.md").read_text(encoding="utf-8")
    for kind in ("TableFile", "Clock", "Index", "StreamMap", "RatingMap", "LabelMap", "TablesMapping", "DatasetCard"):
        table = text.split(f"\n## {kind}\n")[1].split("\n## ")[0]
        assert not re.findall(r"^\| `(\w+)` .*\|  \|$", table, flags=re.M), kind


@pytest.mark.slow
def test_every_result_is_made_of_the_committed_rows(root, tmp_path):
    results = of_docs(root, "make_results")
    results.main(tmp_path)
    made, kept = (sorted(str(p.relative_to(folder)) for p in folder.rglob("results*/*.md")) for folder in (tmp_path, root / "docs"))
    assert made == kept and set(results.ORDER) == {path.stem for path in (root / "studies").glob("*.toml")}
    for name in ("results.md", *made):
        assert (root / "docs" / name).read_text(encoding="utf-8") == (tmp_path / name).read_text(encoding="utf-8"), name
        assert "not finished" not in (tmp_path / name).read_text(encoding="utf-8"), name


def git(root, *words) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def history(root):
    """Everything that was ever committed; skips in a copy that brought none along."""
    if not (root / ".git").exists() or git(root, "rev-parse", "--is-shallow-repository").strip() != "false":
        pytest.skip("no history of commits here")
    return set(git(root, "rev-list", "HEAD").split())


def test_every_row_was_computed_by_a_commit_of_this_history(root, history):
    """A "+" would say that the package had changes that nobody can look up."""
    for path in sorted((root / "studies" / "results").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as handle:
            codes = {row["code"] for row in csv.DictReader(handle)}
        for code in codes:
            commit = code.partition("-")[2]
            assert re.fullmatch("[0-9a-f]{10}", commit), f"{path.name}: {code}"
            assert any(whole.startswith(commit) for whole in history), f"{path.name}: {code}"


def test_audits_say_what_their_rows_say(root):
    """The findings on a page are means over people of the rows beside them, and of nothing else."""
    checked = 0
    for path in sorted((root / "studies" / "results").glob("*-audit.json")):
        scores: dict[tuple[str, ...], dict[str, float]] = {}
        facts = json.loads(path.read_text(encoding="utf-8"))
        with path.with_suffix(".csv").open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                if row["person"]:
                    key = (row["method"], row["target"], row["shots"], row["control"])
                    scores.setdefault(key, {})[row["person"]] = float(row["balanced_accuracy"] or "nan")
        for finding in facts["findings"]:
            for side in ("honest", "leaky") if finding["gain"] else ():
                people = scores[finding["method"], finding["target"], str(finding["k"]), f"{side} {finding['leak']}"]
                assert finding["people"] == len(people), f"{path.name}: {finding['leak']}"
                assert finding[side][0] == pytest.approx(sum(people.values()) / len(people), abs=1e-6), f"{path.name}: {finding['leak']}"
                checked += 1
    assert checked > 100


def figures_in(text: str) -> set[str]:
    """Scores as they are printed: `.731`, `.73`, `1.000`, without their sign."""
    return set(re.findall(r"(?<![\d.])0?(1\.000|\.\d{2,3})(?!\d)", text))


def test_scores_of_the_summary_are_references_and_not_typed(root):
    """What is typed is a goal, or a share that a linked page gives, perhaps with a digit more."""
    summary = (root / "docs" / "results.head.md").read_text(encoding="utf-8").split("## In short")[1].split("\n## ")[0]
    points = [point for point in re.split(r"\n\n|\n- ", summary) if point.strip()]
    assert len(points) > 30 and sum(point.count("{{") for point in points) > 40
    for point in points:
        pages = [root / "docs" / link for link in re.findall(r"\]\((results/\w+\.md)[)#]", point)]
        there = set().union(*(figures_in(page.read_text(encoding="utf-8")) for page in pages))
        rounded = {f"{float(figure):.2f}".lstrip("0") for figure in there}
        typed = {figure for sentence in re.split(r"(?<=[.;])\s", point) if "goal" not in sentence for figure in figures_in(sentence)}
        assert typed <= there | rounded, f"{point[:60]}... {sorted(typed - there - rounded)} on none of {[page.name for page in pages]}"


def test_a_reference_that_names_nothing_is_refused(root):
    digest = of_docs(root, "digest")
    results = of_docs(root, "make_results")
    assert digest.filled("at last {{ravdess: refit @4}}.", results.tables_named) == "at last .951."
    for wrong in ("ravdess: nobody", "ravdess: refit @3", "ceap360vr/valence2: refit", "ravdess/mood: refit"):
        with pytest.raises(ValueError, match=r"names \d+ tables|no such k|no line"):
            digest.filled(f"{{{{{wrong}}}}}", results.tables_named)


def test_whether_a_goal_is_reached_is_computed(root):
    digest, results = of_docs(root, "digest"), of_docs(root, "make_results")
    assert digest.filled("{{goal .95 | ravdess: refit @4}}", results.tables_named) == ".95 | .951 | reached"
    assert digest.filled("{{goal .96 | ravdess: refit @4}}", results.tables_named) == ".96 | .951 | missed by .009"
    lead = digest.filled("{{goal .3 over majority | ravdess: refit @4}}", results.tables_named)
    assert lead == ".3 more | .951 against .125 of majority | reached"
    with pytest.raises(ValueError, match="one k"):
        digest.filled("{{goal .9 | ravdess: refit}}", results.tables_named)


def test_earlier_figures_stood_on_a_page_of_their_commit(root, history):
    text = (root / "docs" / "results.head.md").read_text(encoding="utf-8").split("## Earlier looks")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 5
    for commit, study, _, figures in rows:
        whole = next(one for one in history if one.startswith(commit.strip("`")))
        pages = [
            name for name in git(root, "ls-tree", "-r", "--name-only", whole, "docs").split() if name.endswith(".md") and "results" in name
        ]
        there = set().union(*(figures_in(git(root, "show", f"{whole}:{page}")) for page in pages))
        assert figures_in(figures) and figures_in(figures) <= there, f"{study} at {commit}: {sorted(figures_in(figures) - there)}"


LEAVES = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.Stf2mError) and not k.__subclasses__()]


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_is_raised_and_tested_somewhere(kind, root):
    raised = [p for p in (root / "src").rglob("*.py") if re.search(rf"\b{kind.__name__}\(", p.read_text("utf-8")) and p.name != "errors.py"]
    tested = [p for p in (root / "tests").rglob("test_*.py") if re.search(rf"\b{kind.__name__}\b", p.read_text("utf-8"))]
    assert raised and tested, f"raised in {raised}, tested in {tested}"


def test_the_study_of_the_quickstart_is_one(root, tmp_path):
    page = (root / "docs/quickstart.md").read_text(encoding="utf-8")
    (block,) = [part.split("```")[0] for part in page.split("<!-- read in tests/surface/test_pages.py -->\n```toml\n")[1:]]
    (tmp_path / "mine.toml").write_text(block, encoding="utf-8")
    study = load_study(tmp_path / "mine.toml")
    assert study.name == "mine" and {name for cell in cells_of(study) for name in cell.methods} >= {"recurrent", "refit"}
