"""Data sets by name; each is a folder of somebody's files, read lazily."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from stf2m.core.registry import look_up
from stf2m.data.datasets.base import Dataset


def _folder(module: str) -> Callable[[Path], Dataset]:
    """The `open_folder` of a module beside this one, imported when it is called."""
    return lambda root: import_module(f"stf2m.data.datasets.{module}").open_folder(root)


def _synthetic(root: Path) -> Dataset:
    """Generated people; they need no folder."""
    from stf2m.data.datasets.synthetic import SyntheticDataset

    return SyntheticDataset()


DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "ceap360vr": _folder("ceap360vr"),
    "hku956": _folder("hku956"),
    "ravdess": _folder("ravdess"),
    "stress_predict": _folder("stress_predict"),
    "synthetic": _synthetic,
}
"""name -> factory of the folder; the layout (tidy tables or the publisher's own) is told from what lies there"""


def open_dataset(name: str, root: Path) -> Dataset:
    """The data set `name`, or the tables that the mapping file `name` (.toml) describes, under the folder `root`.

    `root` may be the data set's own folder or the data root that holds a folder of that name. Raises `UnknownName`,
    `NothingToRead` or `InvalidConfig`.
    """
    if name.endswith(".toml"):
        from stf2m.data.mapping import load_mapping
        from stf2m.data.tables import TablesDataset

        return TablesDataset(load_mapping(Path(name)), Path(root))
    inner = Path(root) / name
    return look_up(DATASETS, name, family="datasets")(inner if inner.is_dir() else Path(root))
