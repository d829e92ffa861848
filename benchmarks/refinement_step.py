"""How much of a refinement's training step is convolutions and warps, and what it keeps in memory.

The real loop, ``training.iterative.train``, on the laptop scale's training clips, batches and
optimiser included, one thread. A step's time is the wall between two of its rows, in a block of
steps; in the next block, the convolutions' and warps' own time is torch.profiler's self CPU time
of the operators below, forward and backward; and so on in turn. Medians count, less each block's
first steps: memory that the profiler took and gave back has to be had anew in those.
Neighbours are looked up and pushed by loops of ours, which are the warps here.

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
from flowmend.training.memory import keep_freed_memory
from flowmend.training.session import Budget, Row, Session

SCALE, STEPS, MEMORY_STEPS = "laptop", 120, 2
BLOCK, SETTLING = 10, 3  # steps
ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "benchmarks" / "refinement_step.csv"
EXPERIMENTS = ["refine", "refine_splat_differences", "refine_best_splat"]
CLIPS = 4  # a batch
REFINEMENT_STEPS = [5, 10]
CONVOLUTIONS = {"aten::mkldnn_convolution", "aten::convolution_backward"}
WARPS = {"_LookedUp", "_LookedUpBackward", "_Pushed", "_PushedBackward"}


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
    """What the steps took: wall of a block, what profiles say of the next block, and so on.

    Args:
        read: from a step's profile to named numbers.
        memory: True profiles memory, too, and every step.
    """

    def __init__(self, read: Callable[[profile], dict[str, float]], memory: bool) -> None:
        self._read, self._memory = read, memory
        self._numbers: list[dict[str, float]] = []
        self._begin()

    def __call__(self, step: int, row: Row) -> None:
        """The end of one step, and the beginning of the next."""
        wall_ms = 1e3 * (time.perf_counter() - self._started)
        self._numbers.append(self._profiled() if self._profile else {"step_ms": wall_ms})
        self._begin()

    def medians(self) -> dict[str, float]:
        """Of each number over the steps that had settled, or over all if those are too few."""
        if self._profile:
            self._profile.stop()  # of the step after the last
        settled = [each for k, each in enumerate(self._numbers) if k % BLOCK >= SETTLING]
        counted = settled if len(self._numbers) >= 2 * BLOCK else self._numbers
        names = dict.fromkeys(name for each in counted for name in each)
        return {
            name: statistics.median(each[name] for each in counted if name in each)
            for name in names
        }

    def _profiled(self) -> dict[str, float]:
        assert self._profile is not None
        self._profile.stop()
        return self._read(self._profile)

    def _begin(self) -> None:
        self._profile = None
        step = len(self._numbers)
        # The second step is profiled too, so that a run of three has something of each.
        if self._memory or step // BLOCK % 2 or step == 1:
            self._profile = profile(activities=[ProfilerActivity.CPU], profile_memory=self._memory)
            self._profile.start()
        self._started = time.perf_counter()


def own_times(profiled: profile) -> dict[str, float]:
    """Time of a step's convolutions and of its warps, ms."""
    own = {each.key: each.self_cpu_time_total / 1e3 for each in profiled.key_averages()}
    return {
        "convolutions_ms": sum(own.get(name, 0.0) for name in CONVOLUTIONS),
        "warps_ms": sum(own.get(name, 0.0) for name in WARPS),
    }


def peak(profiled: profile) -> dict[str, float]:
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
            row |= memory.medians()
            if back == block.backpropagation and refinement_steps == REFINEMENT_STEPS[0]:
                times = Steps(own_times, memory=False)
                train(settings, own, clips, steps, times)
                medians = times.medians()
                own_ms = medians["convolutions_ms"] + medians["warps_ms"]
                row |= medians | {"ratio": medians["step_ms"] / own_ms}
            rows.append(row)
            print(row, flush=True)
    return rows


def main() -> None:
    """Print the table; write it to the docs, unless it is of another number of steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="of each training")
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    keep_freed_memory()
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
