"""How much of a refinement's training step is convolutions and warps, and what it keeps in memory.

The real loop, ``training.iterative.train``, on the laptop scale's training clips, batches and
optimiser included, one thread. A step's time is the wall between two of its rows; the
convolutions' and warps' own time is torch.profiler's self CPU time of the operators below, forward
and backward, in the same step. Ratios are taken step by step, so that a busy machine slows both
alike; medians count. The profiler itself takes about a twentieth of a step. Splatting is grid
sampling's gradient, run forward, so its operators are the same.

Memory is the most that tensors hold during a step, beyond what they held before it: what the
profiler saw allocated and freed, without the convolutions' own scratch.

    python benchmarks/refinement_step.py             # writes docs/benchmarks/refinement_step.csv
    python benchmarks/refinement_step.py --steps 3   # only to see that it runs
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch.profiler import ProfilerActivity, profile

from flowmend import params
from flowmend.datasets.clip_set import ClipSet
from flowmend.errors import InputError
from flowmend.networks.refinement import Refiner
from flowmend.stages.build import build_network
from flowmend.stages.layout import Layout
from flowmend.stages.problems import build_refining, training_clips
from flowmend.training import iterative
from flowmend.training.checkpoint import Checkpoint
from flowmend.training.session import Budget, Row, Session

SCALE, STEPS, WARM_UP, MEMORY_STEPS = "laptop", 14, 3, 2
ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "benchmarks" / "refinement_step.csv"
EXPERIMENTS = ["refine", "refine_splat_differences"]
CLIPS = 4  # a batch
REFINEMENT_STEPS = [5, 10]
CONVOLUTIONS = {"aten::mkldnn_convolution", "aten::convolution_backward"}
WARPS = {"aten::grid_sampler_2d", "aten::grid_sampler_2d_backward"}


def train(
    settings: params.Scale,
    block: params.IterativeExperiment,
    clips: ClipSet,
    steps: int,
    on_step: Callable[[int, Row], None],
) -> None:
    """What the stage ``train`` does for ``steps`` steps, in a folder that is thrown away."""
    budget = settings.train.refinement
    network = cast(Refiner, build_network(block, settings.data.frames, budget.width, seed=0))
    problem, plan = build_refining(block, settings, clips, seed=0)
    weights = {str(name): weight for name, weight in block.losses.items()}
    fabric = Fabric(accelerator="cpu", devices=1, precision=settings.train.precision)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "checkpoint.pt", "benchmark")
        session = Session(Budget(steps, budget.learning_rate), checkpoint, on_step=on_step)
        iterative.train(network, problem, weights, plan, session, fabric)


class Steps:
    """What each step took, read off a profile of its own, at ``on_step``.

    Args:
        read: from the profile and the step's wall, ms, to named numbers.
        memory: True also profiles memory.
    """

    def __init__(self, read: Callable[[profile, float], dict[str, float]], memory: bool) -> None:
        self._read, self._memory = read, memory
        self._numbers: list[dict[str, float]] = []
        self._begin()

    def __call__(self, step: int, row: Row) -> None:
        """The end of one step, and the beginning of the next."""
        wall_ms = 1e3 * (time.perf_counter() - self._started)
        self._profile.stop()
        self._numbers.append(self._read(self._profile, wall_ms))
        self._begin()

    def medians(self, skip: int) -> dict[str, float]:
        """Over the steps after the first ``skip``, at least the last one."""
        counted = self._numbers[skip:] or self._numbers[-1:]
        return {key: statistics.median(each[key] for each in counted) for key in counted[0]}

    def _begin(self) -> None:
        self._profile = profile(activities=[ProfilerActivity.CPU], profile_memory=self._memory)
        self._profile.start()
        self._started = time.perf_counter()


def shares(profiled: profile, wall_ms: float) -> dict[str, float]:
    """A step's time and that of its convolutions and warps, ms, and how many times that it is."""
    own = {each.key: each.self_cpu_time_total / 1e3 for each in profiled.key_averages()}
    convolutions = sum(own.get(name, 0.0) for name in CONVOLUTIONS)
    warps = sum(own.get(name, 0.0) for name in WARPS)
    return {
        "step_ms": wall_ms,
        "convolutions_ms": convolutions,
        "warps_ms": warps,
        "ratio": wall_ms / (convolutions + warps),
    }


def peak(profiled: profile, _: float) -> dict[str, float]:
    """The most that tensors held at a time beyond the beginning, MiB."""
    # The public tables have it by operator only, which hides what is freed in between.
    events = profiled.profiler.kineto_results.events()  # type: ignore[union-attr]
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")  # type: ignore[union-attr]
    held = most = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return {"peak_mib": most / 2**20}


def in_steps(settings: params.Scale, refinement_steps: int) -> params.Scale:
    """The scale with batches of CLIPS and ``refinement_steps``."""
    changes = {"batch": CLIPS, "refinement_steps": refinement_steps}
    refinement = settings.train.refinement.model_copy(update=changes)
    train_block = settings.train.model_copy(update={"refinement": refinement})
    return settings.model_copy(update={"train": train_block})


def rows_of(name: str, loaded: params.Params, clips: ClipSet, steps: int) -> list[dict]:
    """Memory for each back-propagation and number of steps; time for ``params.yaml``'s, 5 steps."""
    block, rows = cast(params.IterativeExperiment, loaded.experiment(name)), []
    for back in ("through_time", "per_step"):
        for refinement_steps in REFINEMENT_STEPS:
            case = {"backpropagation": back}
            settings = in_steps(loaded.at(SCALE), refinement_steps)
            own = block.model_copy(update=case)
            memory = Steps(peak, memory=True)
            train(settings, own, clips, MEMORY_STEPS, memory)
            row = {"experiment": name, **case, "refinement_steps": refinement_steps}
            row |= memory.medians(skip=1)
            if back == block.backpropagation and refinement_steps == REFINEMENT_STEPS[0]:
                times = Steps(shares, memory=False)
                train(settings, own, clips, steps, times)
                row |= times.medians(WARM_UP)
            rows.append(row)
            print(row, flush=True)
    return rows


def main() -> None:
    """Print the table; write it to the docs, unless it is of another number of steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="of each training")
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    loaded = params.load(ROOT / "params.yaml")
    try:
        clips = training_clips(Layout(SCALE), loaded.at(SCALE).data.frames)
    except InputError as error:
        sys.exit(f"{error}\nRun `dvc repro holes edges` for the training clips.")
    rows = [row for name in EXPERIMENTS for row in rows_of(name, loaded, clips, steps)]
    table = pd.DataFrame(rows).round(
        {"peak_mib": 1, "step_ms": 1, "convolutions_ms": 1, "warps_ms": 1, "ratio": 2}
    )
    if steps == STEPS:
        table.to_csv(TABLE, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
