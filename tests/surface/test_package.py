"""What a stranger sees first: the version, the error tree and how fast the package opens."""

import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import subprocess
import sys

import pytest

import stf2m
from stf2m.core import errors
from stf2m.data.datasets.base import Dataset
from stf2m.evaluation.predictor import Predictor
from stf2m.meta.learner import Learner

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


INHERITED = {
    kind: {name for name in vars(kind) if not name.startswith("_")} for kind in (Learner, Dataset, Predictor)
}  # fmt: skip
"""contracts that classes fulfil without naming them: what their methods do is said there"""


def undocumented(kind: type) -> list[str]:
    """Public methods and properties of a class that neither it, nor a class of ours above it, nor a contract describes."""
    said = {name for contract in INHERITED.values() for name in contract}
    for parent in kind.__mro__:
        own = vars(parent) if parent.__module__.startswith("stf2m.") else {}
        said |= {name for name, one in own.items() if getattr(one, "__doc__", None) and is_ours(one)}
    fields = vars(kind).get("__annotations__", {})
    own = [name for name, one in vars(kind).items() if not name.startswith("_") and is_ours(one) and name not in fields]
    return [name for name in own if name not in said]


def is_ours(member: object) -> bool:
    """Whether a member of a class is a function or property that was written in this package."""
    inner = getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)
    return inspect.isfunction(inner) and inner.__module__.startswith("stf2m.") and inner.__code__.co_filename.endswith(".py")


def test_every_public_method_says_what_it_does():
    found = []
    for module in pkgutil.walk_packages(stf2m.__path__, "stf2m."):
        if not module.name.endswith("__main__"):
            kinds = vars(importlib.import_module(module.name)).values()
            found += [kind for kind in kinds if isinstance(kind, type) and kind.__module__ == module.name and kind.__name__[0] != "_"]
    assert len(found) > 200
    assert {f"{kind.__module__}.{kind.__name__}": names for kind in found if (names := undocumented(kind))} == {}


def test_a_method_without_words_is_found():
    class Silent(errors.Stf2mError):
        def speak(self): ...

        def sentence(self): ...

    Silent.speak.__module__ = "stf2m.test"
    assert undocumented(Silent) == ["speak"]
    assert all(inspect.getdoc(getattr(kind, name)) for kind, names in INHERITED.items() for name in names)
