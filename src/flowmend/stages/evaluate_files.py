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
from flowmend.stages.build import Model, load_model
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
    measured = _measured(data, model)
    objects = _objects(measured, model.sides_px)
    shapes = tuple(shape for shape in model.shapes if shape != "object" or objects)
    if not shapes:
        what = "holds no masks to shape holes by, and the network knows no other holes"
        raise InputError(data, what, "give masks, or weights trained on other hole shapes")
    clips = [_with_holes(clip, shapes, model.sides_px, objects) for clip in measured]
    setup = model.experiment.setup
    own = Method(model.name, "network", model.seed, model.inpainter, (setup,), shapes)
    methods = [*classical_methods(shapes), own]
    results = results_table(evaluate(m, tracked(clips, m.name)) for m in methods)
    summary = summary_table(results, BOOTSTRAP_SAMPLES, BOOTSTRAP_SEED)
    write_text(output / "results.csv", to_csv(results))
    write_text(output / "summary.csv", to_csv(summary))
    console = Console()
    console.print(_table(summary[summary["setup"] == setup], f"{setup}, {len(clips)} clips"))
    written = f"Tables: {output / 'results.csv'}, {output / 'summary.csv'}"
    console.print(written, soft_wrap=True, markup=False)


def _measured(data: Path, model: Model) -> list[MeasuredClip]:
    if not data.exists():
        raise InputError(data, "is missing", "check the path")
    if not (data.is_dir() or is_zipfile(data)):
        raise InputError(data, "is neither a folder nor a zip", "give a DAVIS tree or a folder")
    with open_layout(data) as layout:
        return measure_clips(read_footage(layout, data), model.frames, min(model.size_px))


def _objects(clips: list[MeasuredClip], sides: tuple[int, int]) -> dict[str, np.ndarray]:
    """Segmentations that object-shaped holes can be taken from, by clip."""
    found = {clip.name: clip.segmentation for clip in clips if clip.segmentation is not None}
    any_chance = np.random.default_rng(0)
    return {
        name: ids
        for name, ids in found.items()
        if object_shaped(any_chance, sides, [ids]) is not None
    }


def _with_holes(
    clip: MeasuredClip,
    shapes: tuple[str, ...],
    sides: tuple[int, int],
    objects: dict[str, np.ndarray],
) -> HoledClip:
    holes = {
        shape: draw_hole(shape, clip.name, clip.flow[0, 0], HOLE_SEED, sides, objects)
        for shape in shapes
    }
    return holed_clip(clip.name, clip.flow, holes, MOTION_EDGE_PX, EDGE_BAND_PX)


def _table(summary: pd.DataFrame, title: str) -> Table:
    table = Table(title=title, caption="means over the hole, 95 % intervals over clips")
    table.add_column("method", no_wrap=True)
    table.add_column("EPE (px)", justify="right")
    table.add_column("ratio to biharmonic", justify="right")
    for row in summary.sort_values("epe_hole_px").to_dict("records"):
        epe = _interval(row["epe_hole_px"], row["epe_hole_low"], row["epe_hole_high"])
        ratio = _interval(row["ratio_biharmonic"], row["ratio_low"], row["ratio_high"])
        table.add_row(str(row["method"]), epe, ratio)
    return table


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"
