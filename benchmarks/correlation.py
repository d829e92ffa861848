"""Time and memory of FlowNet's correlation layer, alone and within the networks.

Against it, the plain version: ``unfold`` lays the second map's 441 displacements side by side, to
be multiplied by the first (in place, where no gradient is asked). And the loop over the
displacements, each a product and a mean. Same result to 1e-5, or the script fails. Feature maps
are those of a frame of the given size, 256 channels at an eighth of its side. One thread, medians
of CPU time in ms, the contestants in turn; the memory is the most that tensors hold at a time
beyond the inputs (and the weights), MiB. ``without_mib`` is the peak of the same network with a
correlation that costs nothing but its result: the rest of the network's. ``times_faster`` and
``times_smaller`` are over ``unfold``.

    python benchmarks/correlation.py              # writes docs/benchmarks/correlation.csv
    python benchmarks/correlation.py --repeats 1  # only to see that it runs
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from flowmend.estimators.flownet2 import NETWORKS, parts
from flowmend.estimators.flownet2.correlation import (
    DISPLACEMENTS,
    REACH,
    SIDE,
    STEP_PX,
    correlation,
)

TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "correlation.csv"
LAYER_SIZES = [(256, 448), (448, 1024)]
NETWORK_SIZE = (448, 1024)
CONTESTANTS_OF = {
    "flownet2_c": ("unfold", "loop", "ours", "without"),
    "flownet2": ("ours", "without"),
}
CHANNELS, MAP_PART, PADDING_PX = 256, 8, STEP_PX * REACH
TOLERANCE, REPEATS = 1e-5, 3
NAMES = ("unfold", "loop", "ours")
COLUMNS = [
    *("subject", "height_px", "width_px"),
    *(f"{name}_ms" for name in NAMES),
    *(f"{name}_mib" for name in NAMES),
    *("without_mib", "times_faster", "times_smaller", "over_without"),
]
Layer = Callable[[Tensor, Tensor], Tensor]


def unfold(first: Tensor, second: Tensor) -> Tensor:
    """The plain version: all displacements of the second map at once."""
    batch, channels, height, width = first.shape
    moved = F.unfold(second, SIDE, dilation=STEP_PX, padding=PADDING_PX)
    moved = moved.view(batch, channels, DISPLACEMENTS, height, width)
    if torch.is_grad_enabled():
        return (first[:, :, None] * moved).mean(1)
    return moved.mul_(first[:, :, None]).mean(1)


def loop(first: Tensor, second: Tensor) -> Tensor:
    """One displacement at a time."""
    height, width = first.shape[-2:]
    padded = F.pad(second, (PADDING_PX,) * 4)
    moves = range(0, STEP_PX * SIDE, STEP_PX)
    parts = [
        (first * padded[..., down : down + height, right : right + width]).mean(1)
        for down in moves
        for right in moves
    ]
    return torch.stack(parts, 1)


def without(first: Tensor, _: Tensor) -> Tensor:
    """A result of the right shape."""
    batch, _, *size = first.shape
    return first.new_zeros(batch, DISPLACEMENTS, *size)


LAYERS: dict[str, Layer] = {
    "unfold": unfold,
    "loop": loop,
    "ours": correlation,
    "without": without,
}


def peak_mib(run: Callable[[], object]) -> float:
    """The most that tensors held at a time beyond the beginning, MiB."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        kept = run()
    del kept
    # The public tables have it by operator only, which hides what is freed in between.
    events = profiled.profiler.kineto_results.events()  # type: ignore[union-attr]
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    held = most = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return most / 2**20


def layer_run(layer: Layer, size: tuple[int, int], backward: bool) -> Callable[[], list[Tensor]]:
    """The layer's result; its gradients after it."""
    torch.manual_seed(0)
    shape = 1, CHANNELS, *(side // MAP_PART for side in size)
    first, second = (torch.randn(shape, requires_grad=backward) for _ in range(2))
    push = torch.randn(1, DISPLACEMENTS, *shape[2:])

    def run() -> list[Tensor]:
        with torch.set_grad_enabled(backward):
            out = layer(first, second)
            return [out, *torch.autograd.grad(out, (first, second), push)] if backward else [out]

    return run


def medians_ms(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median time of each, taken in turn so that a busy machine slows all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return {f"{name}_ms": 1e3 * statistics.median(taken) for name, taken in seconds.items()}


def layer_row(size: tuple[int, int], backward: bool, repeats: int) -> dict[str, object]:
    """Time and memory of the layer alone."""
    runs = {name: layer_run(LAYERS[name], size, backward) for name in NAMES}
    expected = runs["loop"]()
    for name in ("ours", "unfold"):
        off = max((a - b).abs().max().item() for a, b in zip(runs[name](), expected, strict=True))
        if off > TOLERANCE:
            raise SystemExit(f"{name}, {size}: off by {off:.2g}, more than {TOLERANCE:g}")
    ms = medians_ms(runs, repeats)
    mib = {f"{name}_mib": peak_mib(run) for name, run in runs.items()}
    subject = "layer, forward and backward" if backward else "layer, forward"
    row = {"subject": subject, "height_px": size[0], "width_px": size[1], **ms, **mib}
    smaller = mib["unfold_mib"] / mib["ours_mib"]
    return row | {"times_faster": ms["unfold_ms"] / ms["ours_ms"], "times_smaller": smaller}


def network_row(name: str) -> dict[str, object]:
    """Memory of one forward pass, of one pair."""
    torch.manual_seed(0)
    network, height, width = NETWORKS[name]().eval(), *NETWORK_SIZE
    pair = 255 * torch.rand(1, 3, 2, height, width)
    row: dict = {"subject": name, "height_px": height, "width_px": width}
    for contestant in CONTESTANTS_OF[name]:
        with torch.inference_mode(), patch.object(parts, "correlation", LAYERS[contestant]):
            row[f"{contestant}_mib"] = peak_mib(lambda: network(pair))
    return row | {"over_without": row["ours_mib"] / row["without_mib"]}


def main() -> None:
    """Measure every case, print the table, write it when the repeats are the full ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rows = [layer_row(size, False, repeats) for size in LAYER_SIZES]
    rows.append(layer_row(LAYER_SIZES[0], True, repeats))
    rows += [network_row(name) for name in CONTESTANTS_OF]
    table = [[_cell(row.get(column, "")) for column in COLUMNS] for row in rows]
    for row in table:
        print(dict(zip(COLUMNS, row, strict=True)))
    if repeats == REPEATS:
        with TABLE.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *table])


def _cell(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value


if __name__ == "__main__":
    main()
