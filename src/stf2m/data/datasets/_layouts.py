"""Which of a data set's layouts lies in a folder."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path

from stf2m.core.errors import NothingToRead
from stf2m.data.datasets.base import DatasetCard
from stf2m.data.mapping import TablesMapping, load_mapping
from stf2m.data.tables import TablesDataset


@cache
def mapping_of(name: str) -> TablesMapping:
    """The committed mapping of a tidy copy."""
    return load_mapping(Path(str(files("stf2m.data") / "mappings" / f"{name}.toml")))


def card_of(name: str) -> DatasetCard:
    """The card, the same for every layout."""
    return mapping_of(name).card


def tidy(name: str, root: Path) -> TablesDataset:
    """The tidy copy in `root`."""
    return TablesDataset(mapping_of(name), root)


def nothing(name: str, root: Path, wanted: Iterable[str]) -> NothingToRead:
    """The error for a folder in which no layout of this data set lies."""
    there = sorted(p.name for p in root.iterdir())[:6] if root.is_dir() else []
    got = f"a folder with {', '.join(there)}" if there else "an empty folder" if root.is_dir() else "no such folder"
    return NothingToRead(
        f"no layout of {name} lies here", where=root, expected=" or ".join(wanted), got=got, hint="name its folder with --data"
    )
