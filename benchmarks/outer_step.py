"""How much more than supervised learning does meta-learning cost? One outer step against one supervised step.

Both see the same segments in the same run: 16 episodes of 8 classes x 4 support and 8 x 10 query segments, d = 64, K = 3.
The supervised step is a plain encoder + global head with cross-entropy over all of them. Prints the ratio of medians,
segments per second and, with --profile, where the outer step spends its time.
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch

from stf2m.core.records import DescriptorInfo, Segments, SignalInfo
from stf2m.meta.learner import call, fixed, fuse, no_baseline, no_modulation, reason
from stf2m.meta.outer import LossWeights, encode_once, run_tasks
from stf2m.model.config import NetworkConfig
from stf2m.prepare.normalise import fit_normaliser
from stf2m.tasks.loader import Loader, gather, stack_tasks
from stf2m.tasks.sampling import TaskSettings, people_of, sample_task
from stf2m.training.build import build, inputs_of
from stf2m.training.config import TrainConfig

CLASSES, PEOPLE, EACH = 8, 16, 192


def people(seed: int = 0) -> Segments:
    """Segments of 2 s with bvp, eda, pupil and voice bands, 40 descriptors, enough per class for 4 + 10 without reuse."""
    rng = np.random.default_rng(seed)
    infos = (
        SignalInfo("eda", 4.0, 40, 8, ("tonic", "phasic")),
        SignalInfo("bvp", 64.0, 512, 128, ("pulse",)),
        SignalInfo("pupil", 15.0, 120, 30, ("size",)),
        SignalInfo("voice", 50.0, 100, 100, tuple(f"band {i}" for i in range(44)), one_node=True),
    )
    n = PEOPLE * EACH
    lengths = [int(EACH * 2 * i.rate) for i in infos]
    first = np.array([[p * size for size in lengths] for p in range(PEOPLE)])
    within = np.tile(np.arange(EACH), PEOPLE)
    subject = np.repeat(np.arange(PEOPLE), EACH)
    ends = first[subject] + np.stack([((within + 1) * 2 * i.rate).astype(int) for i in infos], axis=1)
    spans = np.stack([within * 2.0, within * 2.0 + 2.0], axis=1)
    target = np.tile(np.arange(EACH) % CLASSES, PEOPLE)
    return Segments(
        signals={i.modality: rng.normal(size=(len(i.channels), PEOPLE * s)).astype(np.float32) for i, s in zip(infos, lengths)},
        infos=infos, starts=ends - np.array([i.samples for i in infos]), bounds=np.stack([first, first + np.array(lengths)], axis=-1),
        present=np.ones((n, 4), dtype=bool), quality=np.ones((n, 4), dtype=np.float32),
        descriptors=rng.normal(size=(n, 40)).astype(np.float32),
        descriptor_infos=tuple(DescriptorInfo(f"d{i}", infos[i % 4].modality, "au") for i in range(40)),
        targets={"emotion": target.astype(np.int16)}, emotions={"emotion": tuple(f"emotion {c}" for c in range(CLASSES))},
        rating=np.full((n, 2), np.nan, dtype=np.float32), spans=spans, session_time=spans[:, 0], subject=subject.astype(np.int32),
        recording=subject.astype(np.int32), stimulus=(within // CLASSES % 2).astype(np.int32), subjects=tuple(f"P{i}" for i in range(PEOPLE)),
        recordings=tuple(f"R{i}" for i in range(PEOPLE)), stimuli=("a", "b"), recipe_hash="bench", dataset="bench",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    segments = people()
    config = TrainConfig(
        network=NetworkConfig(signals=True), tasks=TaskSettings(shots=(4,), queries=10, all_views=1.0), options={"steps": 3}
    )
    net, learner, params = build(config, inputs_of(segments, "emotion"))
    loader = Loader(segments, fit_normaliser(segments, np.arange(len(segments))), "emotion")
    crowd = people_of(segments, "emotion", range(PEOPLE))
    tasks, seed = [], 0
    while len(tasks) < 16:  # every person once, so that no segment is used twice
        task = sample_task(crowd, segments, "emotion", config.tasks, seed)
        seed += 1
        if task.subject not in {t.subject for t in tasks}:
            tasks.append(task)
    stack = stack_tasks(tasks, segments, "emotion", support_size=32, query_size=80)
    batch = loader.batch(stack.rows, stack.offered)
    leaves = {name: value.requires_grad_(name not in fixed(net)) for name, value in params.items()}
    net.train()

    def outer() -> None:
        shared = encode_once(net, leaves, batch, True)
        out = run_tasks(net, learner, leaves, gather(shared, stack.support), gather(shared, stack.query), None, LossWeights())
        out.loss.mean().backward()

    def supervised() -> None:
        features = call(net, leaves, "encode", batch)
        still = no_modulation(net, features.u) | no_baseline(features)
        hidden = fuse(net, leaves, reason(net, leaves, features, still), still)
        scores = call(net, leaves, "head", hidden, *call(net, leaves, "global_head", still["trust"]))
        torch.nn.functional.cross_entropy(scores.logits, batch.target).backward()

    taken: dict[str, list[float]] = {"outer": [], "supervised": []}
    for turn in range(options.repeats + 1):
        for name, step in (("outer", outer), ("supervised", supervised)):
            for leaf in leaves.values():
                leaf.grad = None
            began = time.perf_counter()
            step()
            if turn:
                taken[name].append(time.perf_counter() - began)
    median = {name: statistics.median(values) for name, values in taken.items()}
    ratios = sorted(a / b for a, b in zip(taken["outer"], taken["supervised"]))
    row = {
        "segments": len(stack.rows), "ratio": round(statistics.median(ratios), 3), "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
        "outer_ms": round(1000 * median["outer"], 1), "supervised_ms": round(1000 * median["supervised"], 1),
        "segments_per_second": round(len(stack.rows) / median["outer"]), "threads": options.threads, "torch": torch.__version__,
    }  # fmt: skip
    print(json.dumps(row))
    if options.profile:
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CPU]) as seen:
            outer()
        print(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=15, max_name_column_width=40))


if __name__ == "__main__":
    main()
