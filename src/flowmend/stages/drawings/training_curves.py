"""The training curves that figures are drawn from: columns of ``curves.csv``, one row a seed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from flowmend.errors import InputError
from flowmend.stages.drawings.drawing import Study


def curve_files(study: Study, name: str) -> list[Path]:
    """An experiment's curves, one file a seed."""
    return [study.layout.curves(name, seed) for seed in study.params.at(study.scale).train.seeds]


def column(paths: Sequence[Path], name: str) -> np.ndarray:
    """One column of every file, (seeds, steps) float64.

    Raises:
        InputError: a file is missing or has no such column.
    """
    return np.stack([_read(path, name) for path in paths])


def _read(path: Path, name: str) -> np.ndarray:
    try:
        curve = pd.read_csv(path)
    except FileNotFoundError:
        raise InputError(path, "is missing", "run `dvc repro`") from None
    if name not in curve:
        raise InputError(path, f"has no column {name}", "train the experiment again")
    return curve[name].to_numpy(float)
