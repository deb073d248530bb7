"""What the command line does with rules: list them, and write a bundle in which a person changed them."""

from pathlib import Path
from typing import Any

from stf2m.app.console import Console
from stf2m.core.errors import InvalidConfig
from stf2m.training.bundle import Bundle, load_bundle, save_edited
from stf2m.training.edits import edit_rules
from stf2m.training.words import facts_of


def run_rules(bundle: Path, delete: list[int], edit: list[str], lock: list[int], out: Path | None, console: Console) -> None:
    """Print the rules of a bundle; with edits, write the edited bundle to `out` and print its rules."""
    loaded = load_bundle(bundle)
    wishes = [*(f"delete {n}" for n in delete), *edit, *(f"lock {n}" for n in lock)]
    if wishes and out is None:
        raise InvalidConfig("an edited bundle is a new bundle", where=bundle, hint="name its folder with --out")
    if out is not None and not wishes:
        raise InvalidConfig("nothing was edited", where=bundle, hint="say what with --delete, --edit or --lock")
    shown = loaded
    if wishes and out is not None:
        save_edited(out, edit_rules(loaded, wishes))
        shown = load_bundle(out)
    console.table(("rule", "", "told"), [(i + 1, text, f"{told:.0%}") for i, (text, told) in enumerate(rows_of(shown))])
    facts: dict[str, Any] = {"bundle": str(shown.path), "edits": shown.facts.get("edits", [])}
    facts["rules"] = [{"rule": i + 1, "words": text, "told": round(told, 3)} for i, (text, told) in enumerate(rows_of(shown))]
    console.result(facts, f"{len(wishes)} edits; written: {out}" if wishes else "")


def rows_of(bundle: Bundle) -> list[tuple[str, float]]:
    """Each rule in words, and the share of its weight that the words tell."""
    return [(text, facts.told) for text, facts in zip(bundle.rules, facts_of(bundle.fitted), strict=True)]
