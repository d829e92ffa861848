"""Share of a training step spent outside the network's forward and backward pass.

Runs the real loop on a synthetic set in memory, for each experiment of ``params.yaml``, at the
size of the laptop scale. The shares are ratios within one run; the median over the steps counts.

    python benchmarks/train_step.py
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from flowmend import params
from flowmend.datasets.clip_set import ClipSet
from flowmend.datasets.moving_shapes import render
from flowmend.holes import draw_hole
from flowmend.io.hole_values import HoleValues
from flowmend.networks.flow_predictor import FlowPredictor
from flowmend.stages.build import build_predictor
from flowmend.stages.holes import fill_holes
from flowmend.training.batches import Batches
from flowmend.training.checkpoint import Checkpoint
from flowmend.training.direct import Budget, train

SCALE, CLIPS, STEPS, WARM_UP_STEPS = "laptop", 32, 60, 10
TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "train_step.csv"


def clips_in_memory(settings: params.Scale, count: int = CLIPS) -> ClipSet:
    """A training set without files: flow, holes and both fills."""
    data, holes = settings.data, settings.holes
    sides, shapes = (holes.min_side_px, holes.max_side_px), tuple(holes.shapes)
    flows, maps, values = [], [], []
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
    return ClipSet(tuple(objects), shapes, np.stack(flows), np.array(maps), tuple(values))


@contextmanager
def timed_network(predictor: FlowPredictor) -> Iterator[list[float]]:
    """Add up the seconds in the network's forward and, from its output on, backward pass."""
    spent: list[float] = []
    forward, backward = FlowPredictor.forward, Fabric.backward

    def timed(call: Callable) -> Callable:
        def wrapped(*args: object, **kwargs: object) -> Tensor:
            start = time.perf_counter()
            result = call(*args, **kwargs)
            spent.append(time.perf_counter() - start)
            return result

        return wrapped

    FlowPredictor.forward, Fabric.backward = timed(forward), timed(backward)
    try:
        yield spent
    finally:
        FlowPredictor.forward, Fabric.backward = forward, backward


def measure(settings: params.Scale, block: params.Experiment, clips: ClipSet) -> dict[str, float]:
    """Median milliseconds of a step, and of what is not the network."""
    predictor = build_predictor(block, settings.data.frames, settings.train.width, seed=0)
    batches = Batches(clips, clips.shapes, block.fill, block.setup, settings.train.batch, seed=0)
    ends: list[float] = []
    budget = Budget(STEPS, settings.train.learning_rate)
    fabric = Fabric(accelerator="cpu", devices=1, precision=settings.train.precision)
    with tempfile.TemporaryDirectory() as folder, timed_network(predictor) as spent:
        train(
            predictor,
            batches,
            {str(name): weight for name, weight in block.losses.items()},
            budget,
            fabric,
            Checkpoint(Path(folder) / "checkpoint.pt", "benchmark"),
            on_step=lambda *_: ends.append(time.perf_counter()),
        )
    steps = np.diff(ends)[WARM_UP_STEPS:]
    network = np.reshape(spent, (STEPS, 2)).sum(axis=1)[WARM_UP_STEPS + 1 :]
    return {
        "step_ms": 1e3 * statistics.median(steps),
        "outside_ms": 1e3 * statistics.median(steps - network),
        "outside_share": statistics.median(1 - network / steps),
    }


def main() -> None:
    """Print the table and write it to the docs."""
    loaded = params.load(TABLE.parents[2] / "params.yaml")
    settings = loaded.at(SCALE)
    clips = clips_in_memory(settings)
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for name, block in loaded.experiments.items():
            rows.append({"experiment": name, "threads": threads, **measure(settings, block, clips)})
            print(
                "{experiment:28} {threads} threads {step_ms:6.1f} ms a step, "
                "{outside_ms:5.2f} ms outside the network: {outside_share:.1%}".format(**rows[-1])
            )
    table = pd.DataFrame(rows).round({"step_ms": 1, "outside_ms": 2, "outside_share": 3})
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(TABLE, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
