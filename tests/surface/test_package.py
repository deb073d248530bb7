"""What a stranger sees first: the version, the error tree and how fast the package opens."""

import importlib.metadata
import re
import subprocess
import sys

import pytest

import stf2m
from stf2m.core import errors

TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Stf2mError)]


def test_version_agrees_with_the_metadata():
    assert stf2m.__version__ == importlib.metadata.version("stf2m")


def test_importing_the_package_loads_no_heavy_library():
    script = "import sys, stf2m; print([n for n in ('torch', 'scipy', 'pyarrow', 'sklearn', 'plotly') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_exit_codes_are_distinct():
    leaves = [kind for kind in TREE if not kind.__subclasses__()]
    codes = [kind.exit_code for kind in leaves]
    assert len(set(codes)) == len(codes)
    assert all(1 < code < 126 for code in codes)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree_and_speaks_in_one_sentence(kind):
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__ or "")
    assert kind.__doc__
    message = str(kind("what", where="here", expected="a", got="b", hint="do this"))
    assert message == "here: what; expected a, got b - do this"
