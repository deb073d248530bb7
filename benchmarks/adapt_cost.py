"""What does adapting to one person cost? Every learner on the same support, as a ratio to the main one in the same run.

Support: 8 classes x 4 segments of four sensors, d = 64, default options, with the convolution. Learners that share the encoder get features that
are computed once for all of a person's segments; `maml` reads the signals, because its steps go through the encoder. What
encoding the support alone costs stands beside them. Prints medians over interleaved turns: ratio to `recurrent`, its
range, milliseconds.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from outer_step import CLASSES, people

from stf2m.meta import LEARNERS
from stf2m.meta.outer import encode_once
from stf2m.model.config import NetworkConfig
from stf2m.prepare.normalise import fit_normaliser
from stf2m.tasks.loader import Loader
from stf2m.training.build import build, inputs_of
from stf2m.training.config import TrainConfig

SHOTS, MAIN = 4, "recurrent"
NETWORK = NetworkConfig(signals=True)
"""with the convolution: what goes through the encoder has something to go through"""


def begin(words: str | None) -> tuple[argparse.Namespace, Any, Any]:
    """The options, generated people, and the support of one of them."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    segments = people()
    batch = Loader(segments, fit_normaliser(segments, np.arange(len(segments))), "emotion").batch(np.arange(CLASSES * SHOTS))
    return options, segments, batch


def adapting(name: str, segments: Any, batch: Any, options: dict[str, Any] | None = None) -> Callable[[], Any]:
    """Adapting one learner to the batch, ready to be timed."""
    net, learner, params = build(TrainConfig(learner=name, options=options or {}, network=NETWORK), inputs_of(segments, "emotion"))
    support = encode_once(net.eval(), params, batch, learner.shares_encoder)
    return lambda: learner.adapt(net, params, support)


def main() -> None:
    options, segments, batch = begin(__doc__)
    net, _, params = build(TrainConfig(network=NETWORK), inputs_of(segments, "emotion"))
    work = {"encode the support": lambda: encode_once(net.eval(), params, batch, True)}
    work |= {name: adapting(name, segments, batch) for name in LEARNERS}
    work["meta_sgd through the encoder"] = adapting("meta_sgd", segments, batch, {"through_encoder": True})

    taken: dict[str, list[float]] = {name: [] for name in work}
    with torch.no_grad():
        for turn in range(options.repeats + 1):
            for name, adapt in work.items():
                began = time.perf_counter()
                adapt()
                if turn:
                    taken[name].append(time.perf_counter() - began)
    for name, seconds in taken.items():
        ratios = sorted(a / b for a, b in zip(seconds, taken[MAIN]))
        row = {
            "learner": name, "ratio": round(statistics.median(ratios), 2), "ratio_range": [round(ratios[0], 2), round(ratios[-1], 2)],
            "ms": round(1000 * statistics.median(seconds), 1),
        }  # fmt: skip
        print(json.dumps(row))
    print(json.dumps({"segments": CLASSES * SHOTS, "width": net.config.width, "threads": options.threads, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
