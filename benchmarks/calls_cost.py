"""What does it cost to put weights into a network? Adapting to one person with `meta.functional.run_with`, as a ratio to the same
with `torch.func.functional_call`, in the same run and for the same numbers.

The work is that of `adapt_cost.py`. Prints medians over interleaved turns.
"""

import json
import statistics
import time
from collections.abc import Mapping
from typing import Any

import torch
from adapt_cost import adapting, begin
from torch import Tensor, nn
from torch.func import functional_call

import stf2m.meta.learner
import stf2m.meta.own
from stf2m.meta.functional import run_with


def with_torch(module: nn.Module, values: Mapping[str, Tensor], *inputs: Any, prefix: str = "") -> Any:
    """What `run_with` stands in for."""
    return functional_call(module, {name[len(prefix) :]: value for name, value in values.items() if name.startswith(prefix)}, inputs)


def main() -> None:
    options, segments, batch = begin(__doc__)
    for name in ("recurrent", "protonet", "anil"):
        adapt = adapting(name, segments, batch)
        ratios = []
        with torch.no_grad():
            for turn in range(options.repeats + 1):
                seconds = []
                for run in (run_with, with_torch):
                    stf2m.meta.learner.run_with = stf2m.meta.own.run_with = run
                    began = time.perf_counter()
                    adapt()
                    seconds.append(time.perf_counter() - began)
                if turn:
                    ratios.append(seconds[0] / seconds[1])
        row = {"learner": name, "ratio": round(statistics.median(ratios), 2), "range": [round(min(ratios), 2), round(max(ratios), 2)]}
        print(json.dumps(row))


if __name__ == "__main__":
    main()
