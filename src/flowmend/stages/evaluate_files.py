"""``flowmend evaluate``: trained weights against every classical fill on any clips, no pipeline."""

from pathlib import Path
from zipfile import is_zipfile

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from flowmend.errors import InputError
from flowmend.evaluation.compare import (
    Method,
    classical_methods,
    evaluate,
    results_table,
    summary_table,
    to_csv,
)
from flowmend.evaluation.held_out import HoledClip, holed_clip
from flowmend.holes import draw_hole
from flowmend.holes.patterns import object_shaped
from flowmend.io.atomic import write_text
from flowmend.io.layout_zip import open_layout
from flowmend.io.progress import tracked
from flowmend.stages.build import load_model
from flowmend.stages.footage import MeasuredClip, measure_clips, read_footage

HOLE_SEED = 11
MOTION_EDGE_PX = 0.5
EDGE_BAND_PX = 2
BOOTSTRAP_SAMPLES = 2000
BOOTSTRAP_SEED = 3
"""The values of every shipped scale: tables of different footage can be compared."""


def evaluate_files(weights: Path, data: Path, output: Path) -> None:
    """Judge a network beside all classical fills; write and print the tables.

    Clips of as many frames as the network was trained on are cut from every sequence, brought to
    the size it was trained at (shorter side, keeping proportions), and given holes of the sizes
    and shapes it was trained on: biased to motion (report, 2.1.3) and fixed by seed and clip.
    Object-shaped holes need masks of more than boxes, and are left out where there are none.

    Args:
        weights: a ``seed-<n>.safetensors`` of the stage ``train``.
        data: folder or zip in the DAVIS layout, or a folder of frames (docs/datasets.md).
        output: folder for ``results.csv`` and ``summary.csv``.

    Raises:
        InputError: weights or footage are missing or damaged, or a sequence is too short.
    """
    model = load_model(weights)
    torch.set_num_threads(model.threads)
    if not data.exists():
        raise InputError(data, "is missing", "check the path")
    if not (data.is_dir() or is_zipfile(data)):
        raise InputError(data, "is neither a folder nor a zip", "give a DAVIS tree or a folder")
    with open_layout(data) as layout:
        measured = measure_clips(read_footage(layout, data), model.frames, min(model.size_px))
    clips = _put_holes(measured, model.shapes, model.sides_px)
    shapes = clips[0].shapes
    setup = model.experiment.setup
    own = Method(model.name, "network", model.seed, model.inpainter, (setup,), shapes)
    methods = [*classical_methods(shapes), own]
    results = results_table(evaluate(m, tracked(clips, m.name)) for m in methods)
    summary = summary_table(results, BOOTSTRAP_SAMPLES, BOOTSTRAP_SEED)
    write_text(output / "results.csv", to_csv(results))
    write_text(output / "summary.csv", to_csv(summary))
    Console().print(_table(summary[summary["setup"] == setup], len(clips)))


def _put_holes(
    measured: list[MeasuredClip], shapes: tuple[str, ...], sides: tuple[int, int]
) -> list[HoledClip]:
    objects = {
        clip.name: ids
        for clip in measured
        if (ids := clip.footage.segmentation) is not None and _gives_a_shape(ids, sides)
    }
    possible = [shape for shape in shapes if shape != "object" or objects]
    return [
        holed_clip(
            clip.name,
            clip.flow,
            {
                shape: draw_hole(shape, clip.name, clip.flow[0, 0], HOLE_SEED, sides, objects)
                for shape in possible
            },
            MOTION_EDGE_PX,
            EDGE_BAND_PX,
        )
        for clip in measured
    ]


def _gives_a_shape(segmentation: np.ndarray, sides: tuple[int, int]) -> bool:
    return object_shaped(np.random.default_rng(0), sides, [segmentation]) is not None


def _table(summary: pd.DataFrame, clips: int) -> Table:
    table = Table(title=f"{summary['setup'].iloc[0]}, {clips} clips, 95 % intervals")
    table.add_column("method")
    for column in ("EPE in the hole (px)", "ratio to biharmonic", "gain on the best fill (px)"):
        table.add_column(column, justify="right")
    for row in summary.sort_values("epe_hole_px").to_dict("records"):
        columns = (("epe_hole_px", "epe_hole"), ("ratio_biharmonic", "ratio"), ("gain_px", "gain"))
        numbers = [(row[value], row[f"{stem}_low"], row[f"{stem}_high"]) for value, stem in columns]
        table.add_row(str(row["method"]), *(_interval(*number) for number in numbers))
    return table


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"
