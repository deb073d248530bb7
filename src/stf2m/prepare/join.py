"""Two data sets as one: shared modalities, one vocabulary, people told apart by where they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stf2m.core.consent import narrowest
from stf2m.core.errors import InvalidConfig, SensorMismatch, UnknownName
from stf2m.core.records import Segments


def translate(segments: Segments, own: str, target: str, labels: Mapping[str, str], emotions: Sequence[str]) -> Segments:
    """The same segments with the one target `target` over the classes `emotions`.

    Class c of the data set's target `own` becomes `labels[c]`; classes that are not named lose their label. Without
    `labels` a class keeps its name. Raises `UnknownName` and `InvalidConfig` for names that do not exist.
    """
    names = segments.emotions[own]
    for name in set(labels) - set(names):
        raise UnknownName(f"no class {name!r} of {own!r} in {segments.dataset}", hint=f"known: {', '.join(names)}")
    wanted = [labels.get(name, "" if labels else name) for name in names]
    for name in set(filter(None, wanted)) - set(emotions):
        raise InvalidConfig(f"{name!r} is no class of {target!r}", where=segments.dataset, expected=" or ".join(emotions))
    place = np.array([*(emotions.index(name) if name else -1 for name in wanted), -1], dtype=np.int16)
    return replace(segments, targets={target: place[segments.targets[own]]}, emotions={target: tuple(emotions)}, votes={})


def join(first: Segments, second: Segments) -> Segments:
    """All segments of `first`, then those of `second`; signals stay where they are, nothing is copied or read.

    Kept are the modalities that both have, read alike, and the targets that both have. People, recordings and stimuli are
    named `DATASET:NAME`, so nobody and no clip is taken for another. Raises `SensorMismatch` when nothing is shared.
    """
    shared = [info for info in first.infos if info in second.infos]
    if not shared:
        raise SensorMismatch(
            "the two data sets share no modality", where=f"{first.dataset} and {second.dataset}", expected=", ".join(first.modalities),
            got=", ".join(second.modalities), hint="windows must be of the same length and sensors prepared at the same rate",
        )  # fmt: skip
    parts, sources = (first, second), (first.dataset, second.dataset if second.dataset != first.dataset else f"{second.dataset}-2")
    axes = [[part.modalities.index(info.modality) for info in shared] for part in parts]
    columns = [[j for m in axis for j, d in enumerate(p.descriptor_infos) if d.modality == p.modalities[m]] for p, axis in zip(parts, axes)]
    named = lambda what: tuple(f"{source}:{name}" for source, part in zip(sources, parts) for name in getattr(part, what))  # noqa: E731
    stacked = lambda what: np.concatenate([getattr(part, what) for part in parts])  # noqa: E731
    picked = lambda what: np.concatenate([getattr(part, what)[:, axis] for part, axis in zip(parts, axes)])  # noqa: E731
    moved = lambda what, names: np.concatenate(  # noqa: E731
        [getattr(first, what), np.where(getattr(second, what) < 0, -1, getattr(second, what) + len(getattr(first, names)))]
    ).astype(np.int32)
    targets = [name for name in first.targets if name in second.targets and first.emotions[name] == second.emotions[name]]
    return Segments(
        signals=first.signals, infos=tuple(shared), starts=picked("starts"), bounds=picked("bounds"), present=picked("present"),
        quality=picked("quality"), descriptors=np.concatenate([p.descriptors[:, c] for p, c in zip(parts, columns)]),
        descriptor_infos=tuple(first.descriptor_infos[j] for j in columns[0]),
        targets={name: np.concatenate([p.targets[name] for p in parts]) for name in targets},
        emotions={name: first.emotions[name] for name in targets}, rating=stacked("rating"), spans=stacked("spans"),
        session_time=stacked("session_time"), subject=moved("subject", "subjects"), recording=moved("recording", "recordings"),
        stimulus=moved("stimulus", "stimuli"), subjects=named("subjects"), recordings=named("recordings"), stimuli=named("stimuli"),
        recipe_hash=f"{first.recipe_hash}+{second.recipe_hash}", dataset="+".join(sources),
        origin=(0,) * len(first.subjects) + (1,) * len(second.subjects), others=(second.signals,), past=first.past, memory=first.memory,
        consent=narrowest([first.consent, second.consent]),
    )  # fmt: skip
