"""hku956."""

from pathlib import Path

from stf2m.data.datasets._layouts import nothing, tidy
from stf2m.data.datasets.base import Dataset


def open_folder(root: Path) -> Dataset:
    """The data set in the folder `root`; raises `NothingToRead` when it is not there."""
    if (root / "trials.parquet").is_file():
        return tidy("hku956", root)
    raise nothing("hku956", root, ("trials.parquet (tidy tables)",))
