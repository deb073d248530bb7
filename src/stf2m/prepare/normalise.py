"""Statistics that bring descriptors and signals to a common scale, fitted only where the mode allows.

- `causal` (default): training rows only. Nothing of the person who is scored enters here; learners may still centre on
  the support and on the past, which is what a live system has.
- `train_stats`: the same numbers, and learners must not centre on anything of the new person.
- `transductive`: every person by the statistics of all their own rows, the query included; reported apart, because it
  sees what a live system cannot.

The formula is always (x - mean) / sd; a standard deviation below FLOOR counts as 1, and missing stays NaN. What no training row has
measured has no scale: it reads as missing for everybody, because nothing can be known of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import CorruptStore, InvalidConfig, NotEnoughLabels, SensorMismatch, UnknownName
from stf2m.core.records import Segments
from stf2m.prepare.past import relative_to_past
from stf2m.prepare.windows import chunks_of, read_windows

Mode = Literal["causal", "train_stats", "transductive"]
MODES: tuple[str, ...] = get_args(Mode)
FLOOR = 1e-6
DESCRIPTOR_CLIP, SIGNAL_CLIP = 5.0, 10.0
"""standard deviations beyond which a value is held"""
SAMPLED = 4000
"""rows, evenly spread, from which signal statistics are taken"""
Scale = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Mean and standard deviation, row 0 and 1 of every array; NaN for what was never measured.

    `descriptors` (2, descriptor); `signals[m]` (2, channel). In mode transductive `people` names persons and
    `person_descriptors` (person, 2, descriptor), `person_signals[m]` (person, 2, channel) hold their own.
    """

    mode: str
    descriptors: Scale
    signals: Mapping[str, Scale]
    people: tuple[str, ...] = ()
    person_descriptors: Scale = field(default_factory=lambda: np.zeros((0, 2, 0), dtype=np.float32))
    person_signals: Mapping[str, Scale] = field(default_factory=dict)

    def knows(self, modality: str) -> bool:
        """Whether a training row has this modality; else it reads as absent."""
        return modality in self.signals and bool(np.isfinite(self.signals[modality]).any())

    def to_arrays(self) -> dict[str, NDArray]:
        """A flat dict of numeric arrays, as safetensors files take them."""
        names = np.frombuffer("\n".join(self.people).encode(), dtype=np.uint8)
        flat = {"mode": np.array([MODES.index(self.mode)]), "descriptors": self.descriptors, "people": names.copy()}
        flat["person_descriptors"] = self.person_descriptors
        flat |= {f"signals.{m}": scale for m, scale in self.signals.items()}
        return flat | {f"person_signals.{m}": scale for m, scale in self.person_signals.items()}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray]) -> "Normaliser":
        """The inverse of `to_arrays`; raises `CorruptStore` when something is missing."""
        try:
            text = bytes(np.asarray(arrays["people"], dtype=np.uint8)).decode()
            part = lambda head: {k.removeprefix(head): np.asarray(v) for k, v in arrays.items() if k.startswith(head)}  # noqa: E731
            return Normaliser(
                MODES[int(arrays["mode"][0])], np.asarray(arrays["descriptors"]), part("signals."),
                tuple(text.split("\n")) if text else (), np.asarray(arrays["person_descriptors"]), part("person_signals."),
            )  # fmt: skip
        except (KeyError, IndexError, UnicodeDecodeError) as problem:
            raise CorruptStore(f"not a stored normaliser ({problem})", hint="train or save it again") from None


def fit_normaliser(segments: Segments, rows: NDArray[np.integer], mode: str = "causal") -> Normaliser:
    """Statistics of training `rows`; in mode transductive also those of every person in `segments` over all their rows."""
    if mode not in MODES:
        raise InvalidConfig("unknown normalisation", expected=" ".join(MODES), got=mode)
    if segments.past and mode == "train_stats":
        hint = "set recipe.cut.past = 0, or normalisation = causal"
        raise InvalidConfig("train_stats knows nothing of the new person, the own past included", where=segments.dataset, hint=hint)
    if not len(rows):
        raise NotEnoughLabels("no rows to take statistics from", where=segments.dataset, hint="give the training rows")
    signals = {m: _signal_scale(segments, rows, m) for m in segments.modalities}
    fitted = Normaliser(mode, _descriptor_scale(segments, rows), signals)
    return add_people(fitted, segments) if mode == "transductive" else fitted


def add_people(normaliser: Normaliser, segments: Segments) -> Normaliser:
    """A transductive normaliser that knows the people of `segments` too; those it knew already are kept."""
    new = [name for name in segments.subjects if name not in normaliser.people]
    rows = [np.flatnonzero(segments.subject == segments.subjects.index(name)) for name in new]
    described = [_descriptor_scale(segments, r) for r in rows]
    before = normaliser.person_descriptors.reshape(len(normaliser.people), 2, segments.descriptors.shape[1])
    signals = {}
    for m, info in zip(segments.modalities, segments.infos):
        own = normaliser.person_signals.get(m, np.zeros((0, 2, len(info.channels)), dtype=np.float32))
        signals[m] = np.concatenate([own, *(_signal_scale(segments, r, m)[None] for r in rows)])
    return replace(
        normaliser, people=(*normaliser.people, *new), person_signals=signals,
        person_descriptors=np.concatenate([before, *(scale[None] for scale in described)]),
    )  # fmt: skip


def standardise_descriptors(normaliser: Normaliser, segments: Segments, rows: NDArray[np.integer]) -> NDArray[np.float32]:
    """Descriptors of `rows` in standard deviations, clipped to +-5; NaN stays NaN. float32 (row, descriptor).

    Where the segments say so (`segments.past`), they stand relative to the person's own past.
    """
    if normaliser.descriptors.shape[1] != segments.descriptors.shape[1]:
        raise SensorMismatch(
            "the descriptors are not those the statistics were taken from", where=segments.dataset,
            expected=normaliser.descriptors.shape[1], got=segments.descriptors.shape[1], hint="prepare with the same modalities",
        )  # fmt: skip
    if not segments.past:
        return _in_deviations(normaliser, segments, rows)
    everything = np.flatnonzero(np.isin(segments.subject, np.unique(segments.subject[rows])))
    values = relative_to_past(_in_deviations(normaliser, segments, everything), segments, everything)
    return values[np.searchsorted(everything, rows)]


def _in_deviations(normaliser: Normaliser, segments: Segments, rows: NDArray[np.integer]) -> NDArray[np.float32]:
    scale = normaliser.descriptors[None]
    if normaliser.mode == "transductive":
        scale = normaliser.person_descriptors[_person(normaliser, segments, rows)]
    return np.clip((segments.descriptors[rows] - scale[:, 0]) / scale[:, 1], -DESCRIPTOR_CLIP, DESCRIPTOR_CLIP).astype(np.float32)


def standardise_signals(normaliser: Normaliser, segments: Segments, rows: NDArray[np.integer], modality: str) -> NDArray[np.float32]:
    """Windows of `rows` in standard deviations, clipped to +-10; NaN stays NaN. float32 (row, channel, samples)."""
    if modality not in normaliser.signals:
        raise SensorMismatch(f"no statistics of {modality}", expected=" ".join(normaliser.signals), got=modality)
    scale = normaliser.signals[modality][None]
    if normaliser.mode == "transductive":
        scale = normaliser.person_signals[modality][_person(normaliser, segments, rows)]
    values = read_windows(segments, rows, modality)
    values -= scale[:, 0, :, None]
    values /= scale[:, 1, :, None]
    return np.clip(values, -SIGNAL_CLIP, SIGNAL_CLIP, out=values)


def _person(normaliser: Normaliser, segments: Segments, rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """Row of each segment's person in the transductive tables; raises `UnknownName`."""
    place = {name: index for index, name in enumerate(normaliser.people)}
    codes = np.array([place.get(name, -1) for name in segments.subjects])[segments.subject[rows]]
    if (codes < 0).any():
        stranger = segments.subjects[segments.subject[rows][codes < 0][0]]
        raise UnknownName(f"no statistics of person {stranger!r}", where=segments.dataset, hint="call add_people first")
    return codes


def _scale(count: NDArray, total: NDArray, square: NDArray) -> Scale:
    """Mean and standard deviation from sums of values and of squares; NaN where there is no value."""
    mean = total / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(square / np.maximum(count, 1) - mean * mean, 0.0))
    usable = (count > 1) & (deviation > FLOOR)
    return np.where(count > 0, np.stack([mean, np.where(usable, deviation, 1.0)]), np.nan).astype(np.float32)


def _descriptor_scale(segments: Segments, rows: NDArray[np.integer]) -> Scale:
    values = segments.descriptors[rows].astype(np.float64)
    count, middle, _ = _sums(values, 0)
    apart = values - (middle / np.maximum(count, 1))
    _, rest, square = _sums(apart, 0)
    scale = _scale(count, rest, square)
    scale[0] += middle / np.maximum(count, 1)
    return scale


def _signal_scale(segments: Segments, rows: NDArray[np.integer], modality: str) -> Scale:
    """Per channel over at most SAMPLED evenly spread rows that have the modality, in chunks of bounded memory."""
    axis = segments.modalities.index(modality)
    info = segments.infos[axis]
    having = np.asarray(rows)[segments.present[rows, axis]]
    chosen = having[np.unique(np.linspace(0, len(having) - 1, min(SAMPLED, len(having))).astype(np.int64))] if len(having) else having
    sums = np.zeros((3, len(info.channels)))
    for part in chunks_of(len(chosen), 8 * len(info.channels) * info.samples):
        sums += _sums(read_windows(segments, chosen[part], modality).astype(np.float64), (0, 2))
    return _scale(*sums)


def _sums(values: NDArray[np.float64], axes) -> NDArray[np.float64]:
    """Number, sum and sum of squares of the finite values along `axes`."""
    finite = np.isfinite(values)
    known = np.where(finite, values, 0.0)
    return np.stack([finite.sum(axis=axes).astype(np.float64), known.sum(axis=axes), (known * known).sum(axis=axes)])
