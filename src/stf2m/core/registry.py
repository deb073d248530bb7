"""Look a name up in a plain dict, with "did you mean" and entry points of other packages."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, TypeVar

from stf2m.core.errors import MissingExtra, UnknownName

T = TypeVar("T")


def look_up(registry: Mapping[str, T], name: str, *, family: str) -> T:
    """Return `registry[name]`, else the entry point `name` of group `stf2m.<family>`.

    `family` is the plural word of the registry ("learners", "datasets", ...). Raises `UnknownName` that lists the
    closest names first, and `MissingExtra` for an entry whose package lacks something.
    """
    if name in registry:
        return registry[name]
    for point in entry_points(group=f"stf2m.{family}"):
        if point.name == name:
            return _load(point)
    known = sorted(registry)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known {family}: {', '.join(known)}"
    raise UnknownName(f"no {family} entry named {name!r}", hint=hint)


def _load(point: Any) -> Any:
    try:
        return point.load()
    except ImportError as problem:
        raise MissingExtra(f"{point.name!r} cannot be loaded: {problem}", where=point.value, hint="install what it needs") from None
