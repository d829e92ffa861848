"""How fast the synthetic set is rendered, RGB and truth, on one core.

Run ``python benchmarks/moving_shapes.py``; the table lands in docs/benchmarks/moving_shapes.csv.
"""

import csv
import statistics
import time
from pathlib import Path

import cv2

from flowmend.datasets.moving_shapes import render

TABLE = Path(__file__).parents[1] / "docs" / "benchmarks" / "moving_shapes.csv"
# Frames, height and width in px, clips timed.
CASES = ((6, 64, 64, 200), (8, 64, 64, 200), (8, 128, 128, 40), (8, 256, 448, 10))


def clip_seconds(frames: int, height: int, width: int, clips: int) -> list[float]:
    """Seconds of each clip, after one that is not counted."""
    render(0, frames, height, width)
    seconds = []
    for seed in range(clips):
        start = time.perf_counter()
        render(seed, frames, height, width)
        seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Time every case, print the table and write it."""
    cv2.setNumThreads(1)
    rows = [("frames", "height_px", "width_px", "clips", "median_s", "clips_per_s")]
    for case in CASES:
        median = statistics.median(clip_seconds(*case))
        rows.append((*map(str, case), f"{median:.4f}", f"{1 / median:.1f}"))
    for row in rows:
        print("".join(f"{cell:>13}" for cell in row))
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
