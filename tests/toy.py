"""Small random segments of a few people, with two sensors, one static table and one feature node."""

import numpy as np

from stf2m.core.records import DescriptorInfo, Segments, SignalInfo

INFOS = (
    SignalInfo("eda", 4.0, 40, 8, ("tonic", "phasic")),
    SignalInfo("bvp", 64.0, 256, 128, ("pulse",)),
    SignalInfo("voice", 50.0, 100, 100, tuple(f"band {i}" for i in range(6)), one_node=True),
    SignalInfo("face", 1.0, 1, 1, ("smile", "frown"), one_node=True, static=True),
)


def toy_segments(
    people: int = 4, each: int = 48, emotions: int = 3, seed: int = 0, signal: float = 2.0, personal: bool = False
) -> Segments:
    """`each` segments per person over 8 recordings and 4 stimuli; descriptors carry the class with a person's own offset.

    `personal`: the patterns of the classes are exchanged from person to person, so that only a support set can tell them.
    """
    rng = np.random.default_rng(seed)
    n, per = people * each, each // 8
    subject = np.repeat(np.arange(people), each)
    recording = np.repeat(np.arange(people * 8), per)
    within = np.tile(np.arange(per), people * 8)
    target = rng.integers(0, emotions, n)
    descriptors = tuple(DescriptorInfo(f"{info.modality} {i}", info.modality, "au", readable=i < 2) for info in INFOS for i in range(3))
    pattern = rng.normal(size=(emotions, len(descriptors)))
    shown = (target + subject) % emotions if personal else target
    values = signal * pattern[shown] + rng.normal(size=(people, len(descriptors)))[subject] + rng.normal(size=(n, len(descriptors)))
    lengths = [int(per * 2 * info.rate) for info in INFOS]
    signals = {i.modality: rng.normal(size=(len(i.channels), people * 8 * size)).astype(np.float32) for i, size in zip(INFOS, lengths)}
    first = np.array([[r * size for size in lengths] for r in range(people * 8)])
    bounds = np.stack([first, first + np.array(lengths)], axis=-1)
    ends = first[recording] + np.stack([((within + 1) * 2 * info.rate).astype(int) for info in INFOS], axis=1)
    spans = np.stack([within * 2.0, within * 2.0 + 2.0], axis=1)
    rating = np.clip(rng.normal(size=(n, 2)) * 0.4, -1, 1).astype(np.float32)
    return Segments(
        signals=signals, infos=INFOS, starts=ends - np.array([info.samples for info in INFOS]), bounds=bounds,
        present=np.ones((n, len(INFOS)), dtype=bool), quality=np.ones((n, len(INFOS)), dtype=np.float32),
        descriptors=values.astype(np.float32), descriptor_infos=descriptors, targets={"emotion": target.astype(np.int16)},
        emotions={"emotion": tuple(f"emotion {c}" for c in range(emotions))}, rating=rating, spans=spans,
        session_time=spans[:, 0] + 100.0 * (recording % 8), subject=subject.astype(np.int32), recording=recording.astype(np.int32),
        stimulus=(recording % 4).astype(np.int32), subjects=tuple(f"P{i}" for i in range(people)),
        recordings=tuple(f"R{i}" for i in range(people * 8)), stimuli=tuple("abcd"), recipe_hash="toy", dataset="toy",
    )  # fmt: skip
