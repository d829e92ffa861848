"""How fast the smooth fill is at 480×854 against the field's way: one spsolve a field.

Run ``python benchmarks/smooth_fill.py``; the table lands in docs/benchmarks/smooth_fill.csv.
Flow and object shapes come from the synthetic set, holes are put as in the pipeline. Times are
medians in ms; "field" is a single component, "flow" both, "clip" the 24 that share a hole (6
frames, both directions): there the fill factorises once, in holes that are not huge.
"""

import csv
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from flowmend.datasets.moving_shapes import render
from flowmend.fills.harmonic import fill_smooth
from flowmend.holes import draw_hole

TABLE = Path(__file__).parents[1] / "docs" / "benchmarks" / "smooth_fill.csv"
HEIGHT_PX, WIDTH_PX = 480, 854
SIDES_PX = (100, 150, 200, 250)
SEEDS = (1, 2)
REPEATS = 5
FIELDS_OF_A_CLIP = 24
COLUMNS = [
    *("hole", "side_px", "pixels", "spsolve_field_ms"),
    *("fill_field_ms", "ratio_field", "fill_flow_ms", "ratio_flow"),
    *("fill_clip_ms", "ratio_clip", "difference_px"),
]


def spsolve_fill(field: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Values in the hole of one field (H, W) by a sparse direct solve, assembly included."""
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(hole.sum())
    rows, columns, load = [], [], np.zeros(hole.sum())
    at_row, at_column = np.nonzero(hole)
    for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beside = at_row + step[0], at_column + step[1]
        neighbour = number[beside]
        inside = neighbour >= 0
        rows.append(np.flatnonzero(inside))
        columns.append(neighbour[inside])
        load[~inside] += field[beside][~inside]
    every = np.arange(len(load))
    links = -np.ones(sum(map(len, rows)))
    matrix = sparse.csc_array(
        (
            np.concatenate([np.full(len(load), 4.0), links]),
            (np.concatenate([every, *rows]), np.concatenate([every, *columns])),
        )
    )
    return spsolve(matrix, load)


def cases() -> Iterator[tuple[str, int, np.ndarray, np.ndarray]]:
    """Hole's name, side, hole (H, W) and 24 fields as flows (12, 2, H, W)."""
    donors = {f"donor {seed}": render(100 + seed, 2, 128, 128).segmentation[0] for seed in SEEDS}
    for seed in SEEDS:
        truth = render(seed, 7, HEIGHT_PX, WIDTH_PX)
        flow = np.concatenate([truth.forward, truth.backward])
        for side in SIDES_PX:
            for shape in ("rectangle", "object"):
                clip = f"{seed} {side}"
                hole = draw_hole(shape, clip, flow[0], seed, (side, side), donors)
                yield shape, side, hole, flow


def median_ms(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median time of ``work``, after one call that is not counted."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds)


def compare(hole: np.ndarray, flow: np.ndarray) -> list[float]:
    """One row of the table, from the number of pixels on."""
    fields = flow.reshape(-1, *hole.shape)
    field, one_flow = fields[0], flow[:1]
    direct = median_ms(lambda: spsolve_fill(field, hole))
    one = median_ms(lambda: fill_smooth(field[None, None], hole))
    two = median_ms(lambda: fill_smooth(one_flow, hole))
    clip = median_ms(lambda: fill_smooth(flow, hole), 3)
    off = np.abs(fill_smooth(one_flow, hole)[0, 0][hole] - spsolve_fill(field, hole)).max()
    whole = FIELDS_OF_A_CLIP * direct
    return [
        *(int(hole.sum()), direct, one, direct / one, two, 2 * direct / two),
        *(clip, whole / clip, float(off)),
    ]


def main() -> None:
    """Time every case, print the table and its medians, write it."""
    cv2.setNumThreads(1)
    rows = [[shape, side, *compare(hole, flow)] for shape, side, hole, flow in cases()]
    numbers = np.array([row[2:] for row in rows], float)
    rows.append(["median", "", *np.median(numbers, axis=0).tolist()])
    shown = [[f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row] for row in rows]
    for row in [COLUMNS, *shown]:
        print(" ".join(f"{cell:>12}"[:22] for cell in row))
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *shown])


if __name__ == "__main__":
    main()
