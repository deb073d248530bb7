"""ceap360vr."""

from pathlib import Path

from stf2m.data.datasets._layouts import nothing, tidy
from stf2m.data.datasets.base import Dataset


def open_folder(root: Path) -> Dataset:
    """The data set in the folder `root`; raises `NothingToRead` when it is not there."""
    if (root / "sam_video.parquet").is_file():
        return tidy("ceap360vr", root)
    raise nothing("ceap360vr", root, ("sam_video.parquet (tidy tables)",))
