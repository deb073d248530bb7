"""Entry points of other packages join our registries; one that cannot be loaded is said in one sentence."""

from importlib.metadata import EntryPoint

import pytest

from stf2m.core import registry
from stf2m.core.errors import MissingExtra, UnknownName
from stf2m.core.registry import look_up


@pytest.fixture
def points(monkeypatch):
    found = [EntryPoint("sum", "builtins:sum", "stf2m.learners"), EntryPoint("broken", "no_such_package.x:y", "stf2m.learners")]
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [p for p in found if p.group == group])


def test_a_plug_in_is_found_by_its_name(points):
    assert look_up({}, "sum", family="learners") is sum
    with pytest.raises(UnknownName):
        look_up({}, "sum", family="datasets")


def test_a_plug_in_whose_package_is_missing(points):
    with pytest.raises(MissingExtra, match="'broken' cannot be loaded: No module named 'no_such_package'"):
        look_up({}, "broken", family="learners")
