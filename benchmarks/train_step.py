"""Share of a training step spent outside the networks' forward and backward passes.

Runs the real loops on a synthetic set in memory, for each experiment of ``params.yaml``, at the
size of the laptop scale. A step is one of the generator, with those of its discriminator. The
shares are ratios within one run; the median over the steps counts.

    python benchmarks/train_step.py              # writes docs/benchmarks/train_step.csv
    python benchmarks/train_step.py --steps 3    # only to see that it runs
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from unittest import mock

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric

from flowmend import params
from flowmend.datasets.clip_set import ClipSet
from flowmend.datasets.moving_shapes import render
from flowmend.edges import flow_edges
from flowmend.holes import draw_hole
from flowmend.io.hole_values import HoleValues
from flowmend.stages.build import build_network
from flowmend.stages.holes import fill_holes
from flowmend.stages.problems import build_opponent, build_problem
from flowmend.training import adversarial, direct
from flowmend.training.checkpoint import Checkpoint
from flowmend.training.problems import Contest
from flowmend.training.session import Budget, Row, Session

SCALE, CLIPS, STEPS, WARM_UP = "laptop", 32, 60, 1 / 6
TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "train_step.csv"


def clips_in_memory(settings: params.Scale, count: int = CLIPS) -> ClipSet:
    """A training set without files: flow, holes, both fills and edges."""
    data, holes = settings.data, settings.holes
    sides, shapes = (holes.min_side_px, holes.max_side_px), tuple(holes.shapes)
    flows, maps, values, edges = [], [], [], []
    rendered = [render(k, data.frames + 2, data.height_px, data.width_px) for k in range(count)]
    objects = {str(k): clip.segmentation[1] for k, clip in enumerate(rendered)}
    for name, clip in zip(objects, rendered):
        flow = np.stack([clip.forward[1:], clip.backward[:-1]], axis=1)
        drawn = [draw_hole(s, name, flow[0, 0], holes.seed, sides, objects) for s in shapes]
        filled = fill_holes(flow, drawn)
        offsets = np.cumsum([0, *(hole.sum() for hole in drawn)])
        fills = {fill: np.concatenate(of_fill) for fill, of_fill in filled.items()}
        flows.append(flow)
        maps.append(drawn)
        values.append(HoleValues((name,), shapes, offsets, fills))
        edges.append([flow_edges(frame, settings.edges.canny_flow_px) for frame in flow[:, 0]])
    sets = np.stack(flows), np.array(maps), tuple(values), np.array(edges)
    return ClipSet(tuple(objects), shapes, *sets)


class Stopwatch:
    """Adds up the seconds in some calls, each second once, however the calls are nested."""

    def __init__(self) -> None:
        self.seconds, self._depth = 0.0, 0

    def timed(self, call: Callable) -> Callable:
        """The same function, on the watch."""

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            start, self._depth = time.perf_counter(), self._depth + 1
            try:
                return call(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.perf_counter() - start

        return wrapped


def measure(
    settings: params.Scale, block: params.Experiment, clips: ClipSet, steps: int
) -> dict[str, float]:
    """Median milliseconds of a step, and of what is not the networks."""
    watch, read = Stopwatch(), []

    def on_step(_: int, row: Row) -> None:
        read.append((time.perf_counter(), watch.seconds))

    _train(settings, block, clips, steps, watch, on_step)
    taken, in_networks = np.diff(read, axis=0)[int(steps * WARM_UP) :].T
    return {
        "step_ms": 1e3 * statistics.median(taken),
        "outside_ms": 1e3 * statistics.median(taken - in_networks),
        "outside_share": statistics.median(1 - in_networks / taken),
    }


def _train(
    settings: params.Scale,
    block: params.Experiment,
    clips: ClipSet,
    steps: int,
    watch: Stopwatch,
    on_step: Callable[[int, Row], None],
) -> None:
    """The loop of the stage ``train``, with every pass through a network on the watch."""
    sizes = settings.data.frames, settings.train.width, 0
    network, opponent = build_network(block, *sizes), build_opponent(block, *sizes)
    problem = build_problem(block, settings, clips, seed=0)
    weights = {str(name): weight for name, weight in block.losses.items()}
    fabric = Fabric(accelerator="cpu", devices=1, precision=settings.train.precision)
    with ExitStack() as stack:
        owners = [(network, "forward"), (fabric, "backward"), (adversarial, "gradient_penalty")]
        owners += [(opponent.network, "forward")] if opponent else []
        for owner, name in owners:
            on_watch = watch.timed(getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, on_watch))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        checkpoint = Checkpoint(Path(folder) / "checkpoint.pt", "benchmark")
        session = Session(Budget(steps, settings.train.learning_rate), checkpoint, on_step=on_step)
        if opponent is None:
            direct.train(network, problem, weights, session, fabric)
        else:
            contest = cast(Contest, problem)
            adversarial.train(network, contest, weights, opponent, session, fabric)


def main() -> None:
    """Print the table; write it to the docs, unless it is of another number of steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="of each training, at least 3")
    steps = parser.parse_args().steps
    loaded = params.load(TABLE.parents[2] / "params.yaml")
    settings = loaded.at(SCALE)
    clips, rows = clips_in_memory(settings), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for name, block in loaded.experiments.items():
            measured = measure(settings, block, clips, steps)
            rows.append({"experiment": name, "task": block.task, "threads": threads, **measured})
            print(
                "{experiment:28} {threads} threads {step_ms:6.1f} ms a step, {outside_ms:5.2f} ms "
                "outside the networks: {outside_share:.1%}".format(**rows[-1])
            )
    table = pd.DataFrame(rows).round({"step_ms": 1, "outside_ms": 2, "outside_share": 3})
    if steps == STEPS:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(TABLE, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
