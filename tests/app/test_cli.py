"""The command line's manners: exit codes, one sentence, one JSON document, a fast help."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import stf2m
from stf2m.app.cli import app
from stf2m.app.console import Console
from stf2m.core.errors import NotAccessible

RUN = CliRunner()


def test_version():
    assert RUN.invoke(app, ["--version"]).stdout.strip() == stf2m.__version__


def test_help_loads_no_heavy_library():
    script = (
        "import sys; from stf2m.app.cli import app; from typer.testing import CliRunner; assert CliRunner().invoke(app, ['--help']).exit_code == 0;"
        "print([n for n in ('torch', 'numpy', 'scipy', 'pyarrow', 'sklearn', 'plotly', 'pydantic') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_mistake_is_one_sentence_with_its_own_exit_code():
    result = RUN.invoke(app, ["info", "ravdess"], env={"STF2M_DATA": None})
    assert result.exit_code == 18
    result = RUN.invoke(app, ["info", "syntetic", "--data", "."])
    assert result.exit_code == 40
    assert result.stdout == ""
    assert result.stderr.strip() == "stf2m: no datasets entry named 'syntetic' - did you mean synthetic?"


def test_a_wrong_command_line_is_2():
    assert RUN.invoke(app, ["info"]).exit_code == 2
    assert RUN.invoke(app, ["inform"]).exit_code == 2


def test_the_same_through_the_installed_program(tmp_path):
    found = subprocess.run([sys.executable, "-m", "stf2m", "info", "ravdess", "--data", tmp_path], capture_output=True, text=True)
    assert found.returncode == 18
    assert found.stdout == ""
    assert len(found.stderr.strip().splitlines()) == 1
    assert "Traceback" not in found.stderr


def test_an_interrupt_is_130(monkeypatch):
    import stf2m.app.data

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(stf2m.app.data, "show_info", stop)
    result = RUN.invoke(app, ["info", "synthetic"])
    assert result.exit_code == 130
    assert "the same command continues" in result.stderr


def test_a_bug_keeps_its_trace(monkeypatch):
    import stf2m.app.data

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(stf2m.app.data, "show_info", fail)
    with pytest.raises(ZeroDivisionError):
        RUN.invoke(app, ["info", "synthetic"], catch_exceptions=False)


def test_json_is_one_document_and_nothing_else():
    result = RUN.invoke(app, ["info", "synthetic", "--json"])
    assert result.exit_code == 0 and result.stderr == ""
    facts = json.loads(result.stdout)
    assert facts["consent"] == "research" and facts["people"][0] == "P01"


def test_the_list_of_commands_is_not_cut_off():
    shown = RUN.invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout
    assert (
        "..." not in shown.partition("Commands:")[2]
        and "Name the segments that should be labelled next." in shown
        and "Begin with: stf2m demo." in shown
    )


def test_completion_is_offered():
    assert "--install-completion" in RUN.invoke(app, ["--help"]).stdout


def test_a_folder_in_the_place_of_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for words in (["import", "synthetic", str(tmp_path), str(tmp_path / "file" / "store")], ["report", str(tmp_path)]):
        result = RUN.invoke(app, words)
        assert result.exit_code == NotAccessible.exit_code and str(tmp_path) in result.stderr and len(result.stderr.splitlines()) == 1


def test_json_has_null_for_what_is_no_number(capsys):
    Console(as_json=True).result({"a": [1.0, float("nan")], "b": {"c": (float("inf"),)}})
    assert json.loads(capsys.readouterr().out) == {"a": [1.0, None], "b": {"c": [None]}}
