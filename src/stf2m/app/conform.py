"""A person's own recordings as segments that a bundle can read."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stf2m.core.errors import SensorMismatch
from stf2m.core.records import DescriptorInfo, Recording, Segments, SignalInfo
from stf2m.prepare.cut import cut
from stf2m.prepare.labels import majority_emotion
from stf2m.prepare.prepared import prepared_from
from stf2m.training.bundle import Bundle, check_sensors


def segments_for(bundle: Bundle, recordings: Sequence[Recording], *, exact_labels: bool = False) -> Segments:
    """Prepare and cut recordings as the bundle's recipe says, with the bundle's sensors in the bundle's order.

    `exact_labels`: labels stand where they were felt (a labels file), so the recipe's annotation lag is left out. Raises
    `SensorMismatch` in words when a recording has none of the sensors, and what preparing raises.
    """
    recipe, fitted = bundle.recipe, bundle.fitted
    for recording in recordings:
        check_sensors(bundle, tuple(s.modality for s in recording.streams.values()), where=recording.id)
    prepared = prepared_from(recordings, recipe.signals)
    how = recipe.cut.model_copy(update={"lag": 0.0}) if exact_labels else recipe.cut
    segments = cut(prepared, how, emotions=bundle.emotions if fitted.target == "emotion" else ())
    segments = with_sensors(segments, fitted.inputs.infos, fitted.inputs.descriptors)
    return named_labels(segments, recordings, bundle, how.min_labelled) if fitted.target != "emotion" else segments


def with_sensors(segments: Segments, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]) -> Segments:
    """The same segments with these sensors in this order; a sensor that was not recorded is absent everywhere.

    Raises `SensorMismatch` when a recorded sensor looks, or is described, otherwise than in training.
    """
    count, recordings = len(segments), len(segments.recordings)
    place = {name: j for j, name in enumerate(segments.modalities)}
    for info in infos:
        found = segments.infos[place[info.modality]] if info.modality in place else info
        if found != info:
            raise SensorMismatch(
                f"{info.modality} does not look as it did in training", where=", ".join(segments.recordings[:3]),
                expected=describe(info), got=describe(found), hint="prepare it in the same way, or leave this sensor out",
            )  # fmt: skip
    nothing = {i.modality: np.full((len(i.channels), 1), np.nan, dtype=np.float32) for i in infos if i.modality not in place}
    own = {(d.modality, d.name): j for j, d in enumerate(segments.descriptor_infos)}
    for gone in (d for d in descriptors if d.modality in place and (d.modality, d.name) not in own):
        raise SensorMismatch(
            f"{gone.modality} is no longer described as it was in training", where=", ".join(segments.recordings[:3]),
            expected=gone.name, got=f"{sum(d.modality == gone.modality for d in segments.descriptor_infos)} other descriptors",
            hint="train the bundle again with this version, or use the version that wrote it",
        )  # fmt: skip
    unknown = np.full(count, np.nan, dtype=np.float32)
    rows = [segments.descriptors[:, own[d.modality, d.name]] if (d.modality, d.name) in own else unknown for d in descriptors]
    return replace(
        segments,
        signals={i.modality: segments.signals.get(i.modality, nothing.get(i.modality)) for i in infos},
        infos=infos,
        starts=_columns(segments.starts, infos, place, np.zeros(count, dtype=np.int64)),
        bounds=_columns(segments.bounds, infos, place, np.zeros((recordings, 2), dtype=np.int64)),
        present=_columns(segments.present, infos, place, np.zeros(count, dtype=bool)),
        quality=_columns(segments.quality, infos, place, np.zeros(count, dtype=np.float32)),
        descriptors=np.stack(rows, axis=1) if rows else np.zeros((count, 0), dtype=np.float32),
        descriptor_infos=descriptors,
    )


def _columns(array: np.ndarray, infos: tuple[SignalInfo, ...], place: dict[str, int], absent: np.ndarray) -> np.ndarray:
    """Columns of the modality axis (axis 1) in the order of `infos`."""
    return np.stack([array[:, place[i.modality]] if i.modality in place else absent for i in infos], axis=1)


def describe(info: SignalInfo) -> str:
    """A sensor's look in words."""
    what = "one value per recording" if info.static else f"{info.rate:g} Hz, {info.samples} samples"
    return f"{what}, channels {' '.join(info.channels)}"


def named_labels(segments: Segments, recordings: Sequence[Recording], bundle: Bundle, least: float) -> Segments:
    """Where ratings give no class, labels that name a class of the bundle do ("high arousal")."""
    target = bundle.fitted.target
    classes = segments.targets[target].copy()
    for i, recording in enumerate(recordings):
        rows = np.flatnonzero(segments.recording == i)
        named = majority_emotion(recording.annotations, segments.spans[rows], bundle.emotions, least)
        classes[rows] = np.where(classes[rows] < 0, named, classes[rows])
    return replace(segments, targets={**segments.targets, target: classes})
