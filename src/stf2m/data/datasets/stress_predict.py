"""stress_predict."""

from pathlib import Path

from stf2m.data.datasets._layouts import nothing, tidy
from stf2m.data.datasets.base import Dataset


def open_folder(root: Path) -> Dataset:
    """The data set in the folder `root`; raises `NothingToRead` when it is not there."""
    if (root / "meta.csv").is_file():
        return tidy("stress_predict", root)
    raise nothing("stress_predict", root, ("meta.csv (tidy tables)",))
