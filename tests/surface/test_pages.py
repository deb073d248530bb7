"""What the pages promise is there: code that runs, names and files that exist, generated pages that are fresh."""

import importlib
import re
import shlex
import shutil
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


@pytest.mark.slow
def test_every_result_is_made_of_the_committed_rows(root, tmp_path):
    results = of_docs(root, "make_results")
    results.main(tmp_path)
    made, kept = (sorted(str(p.relative_to(folder)) for p in folder.rglob("results*/*.md")) for folder in (tmp_path, root / "docs"))
    assert made == kept and set(results.ORDER) == {path.stem for path in (root / "studies").glob("*.toml")}
    for name in ("results.md", *made):
        assert (root / "docs" / name).read_text(encoding="utf-8") == (tmp_path / name).read_text(encoding="utf-8"), name
        assert "not finished" not in (tmp_path / name).read_text(encoding="utf-8"), name


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
