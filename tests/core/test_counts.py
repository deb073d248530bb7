"""Counts in words."""

from stf2m.core.counts import counted


def test_one_thing_has_no_s():
    assert [counted(n, "edit") for n in (0, 1, 2)] == ["0 edits", "1 edit", "2 edits"]
    assert [counted(n, "person", "people") for n in (1, 3)] == ["1 person", "3 people"]
