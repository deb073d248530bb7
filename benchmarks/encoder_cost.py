"""What does each network cost? Weights, multiply-accumulates and milliseconds per segment, beside the spatio-temporal one.

All networks read the same batch of generated segments (bvp, eda, temp, acc, hr, pupil and voice bands at their native rates,
with context) in one run, encoder only, in evaluation. Multiply-accumulates are half of the operations that torch counts in
matrix products and convolutions (`torch.utils.flop_counter`); milliseconds are medians of turns in which every network has
its go, so that a busy machine is busy for all. Prints one JSON row per network, ratios last.
"""

import argparse
import json
import statistics
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines import NETWORKS
from stf2m.model.config import SPATIO_TEMPORAL, NetworkConfig
from stf2m.model.network import Network

WINDOW = 2.0
SENSORS = {
    "bvp": (64.0, 8.0, 3), "eda": (4.0, 10.0, 2), "temp": (4.0, 30.0, 1), "acc": (32.0, 4.0, 4), "hr": (1.0, 10.0, 1),
    "pupil": (15.0, 6.0, 2), "voice": (50.0, 0.0, 45),
}  # fmt: skip
"""Hz, seconds of context, channels"""
PER_SENSOR = 8


def sensors() -> tuple[SignalInfo, ...]:
    """Signals as the prepared store gives them."""
    return tuple(
        SignalInfo(
            m, rate, round((context + WINDOW) * rate), round(WINDOW * rate), tuple(f"c{i}" for i in range(count)), one_node=m == "voice"
        )
        for m, (rate, context, count) in SENSORS.items()
    )


def batch_of(infos: tuple[SignalInfo, ...], descriptors: int, count: int) -> Batch:
    """Random segments, everything measured."""
    signals = {i.modality: torch.cat([torch.randn(count, len(i.channels), i.samples), torch.ones(count, 1, i.samples)], 1) for i in infos}
    ones, none = torch.ones(count), [torch.zeros(count, size) for size in (0, 2, 3)]
    return Batch(
        signals, torch.randn(count, descriptors), torch.ones(count, len(infos)), ones.long(), ones, none[1], ones, none[2], ones, none[0]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    infos = sensors()
    descriptors = tuple(DescriptorInfo(f"{i.modality} {j}", i.modality, "au") for i in infos for j in range(PER_SENSOR))
    batch = batch_of(infos, len(descriptors), options.segments)
    nets = {name: Network(NetworkConfig(encoder=name, signals=True), infos, descriptors, 4).eval().encoder for name in NETWORKS}
    taken: dict[str, list[float]] = {name: [] for name in nets}
    facts: dict[str, dict[str, float]] = {}
    with torch.no_grad():
        for name, net in nets.items():
            with FlopCounterMode(display=False) as counter:
                net(batch)
            weights = sum(p.numel() for p in net.parameters())
            facts[name] = {"weights": weights, "macs": counter.get_total_flops() / 2 / options.segments}
        for turn in range(options.repeats + 2):
            for name, net in nets.items():
                began = time.perf_counter()
                net(batch)
                if turn > 1:
                    taken[name].append(1000 * (time.perf_counter() - began) / options.segments)
    for name in nets:
        facts[name]["ms"] = statistics.median(taken[name])
    for name, found in facts.items():
        ratios = {f"{key}_ratio": round(value / facts[SPATIO_TEMPORAL][key], 2) for key, value in found.items()}
        row = {"network": name, "weights": int(found["weights"]), "macs": round(found["macs"]), "ms_per_segment": round(found["ms"], 3)}
        print(json.dumps({**row, **ratios, "threads": options.threads, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
