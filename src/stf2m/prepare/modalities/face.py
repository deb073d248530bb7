"""Face: facial action units (Ekman and Friesen), frame by frame or as one mean per take.

Intensities (`AU12_r`, 0..5) and presences (`AU12_c`, 0 or 1; a share when averaged) are named as OpenFace names them. A
take's mean is a static stream: one sample, known when the take has ended, that holds from then on. Frame-wise tables are
brought to the canonical rate. Both give the same channels and the same descriptors: the mean of each unit over the window,
and its logarithm, in which a trace of a movement differs from none as much as a strong one from a weak one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import UnknownColumn
from stf2m.core.records import DescriptorInfo
from stf2m.prepare.modalities._grid import GridState, pick, push_grid, rows_of, start_grid
from stf2m.prepare.modalities._windows import mean, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows

WORDS = {
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser", 6: "cheek raiser",
    7: "lid tightener", 9: "nose wrinkler", 10: "upper lip raiser", 12: "lip corner puller", 14: "dimpler",
    15: "lip corner depressor", 17: "chin raiser", 20: "lip stretcher", 23: "lip tightener", 25: "lips part",
    26: "jaw drop", 28: "lip suck", 45: "blink",
}  # fmt: skip
"""action unit -> what it does"""
INTENSITIES = tuple(f"AU{unit:02d}_r" for unit in WORDS if unit != 28)
PRESENCES = tuple(f"AU{unit:02d}_c" for unit in WORDS)
CHANNELS = (*INTENSITIES, *PRESENCES)
STRONGEST = 5.0
TRACE = 0.02
"""what counts as nearly nothing, added before the logarithm is taken"""


class FaceState(NamedTuple):
    """Where each unit lies in the source, and the grid."""

    rows: tuple[int, ...]
    grid: GridState


def start(source: Source) -> FaceState:
    """Takes any of `CHANNELS` in any order; raises `UnknownColumn` when there is none of them."""
    if not set(source.channels) & set(CHANNELS):
        raise UnknownColumn(
            "no action unit among the channels", where="stream face", expected="AU01_r, AU01_c, ...", got=", ".join(source.channels[:5]),
            hint="name intensities AUxx_r and presences AUxx_c",
        )  # fmt: skip
    return FaceState(rows_of(source.channels, CHANNELS), start_grid(source, len(CHANNELS)))


def push(state: FaceState, chunk: Chunk) -> tuple[FaceState, Track]:
    """-> intensities 0..5 and presences 0..1; units that the source lacks are NaN, values outside 0..5 are missing.

    The quality is the share of the source's units that are known.
    """
    samples = pick(chunk.samples, state.rows)
    with np.errstate(invalid="ignore"):
        samples = np.where((samples >= 0.0) & (samples <= STRONGEST), samples, np.nan)
    grid, values = push_grid(state.grid, samples, chunk.available, chunk.until)
    top = np.where(np.char.endswith(CHANNELS, "_r"), STRONGEST, 1.0)
    values = np.clip(values, 0.0, top[:, None])
    offered = max(sum(row >= 0 for row in state.rows), 1)
    quality = np.isfinite(values).sum(axis=0) / offered
    return FaceState(state.rows, grid), Track(values.astype(np.float32), quality.astype(np.float32))


def describe(windows: Windows) -> NDArray[np.float32]:
    """Mean of every unit over the window: how strong it is, and for which share of the time it is seen; then log2 of both."""
    means = [mean(window(windows, channel)) for channel in range(len(CHANNELS))]
    return stack(*means, *(np.log2(TRACE + value) for value in means))


MEANS = (
    *(DescriptorInfo(WORDS[int(c[2:4])], "face", "0..5", "weak", "strong") for c in INTENSITIES),
    *(DescriptorInfo(f"{WORDS[int(c[2:4])]} seen", "face", "share of time", "rarely", "often") for c in PRESENCES),
)
DESCRIPTORS = (
    *MEANS,
    *(DescriptorInfo(f"trace of {info.name}", "face", "doublings", "none", "some", readable=False) for info in MEANS),
)

FACE = Modality("face", "au", 10.0, 0.0, CHANNELS, DESCRIPTORS, start, push, describe, one_node=True, descriptor_version=2)
