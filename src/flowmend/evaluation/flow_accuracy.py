"""How close estimated flow comes to the truth, in the benchmarks' own measures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from numpy import ndarray

from flowmend.evaluation.metrics import end_point_error

OUTLIER_PX = 3.0
OUTLIER_SHARE = 0.05


@dataclass(frozen=True)
class Accuracy:
    """One pair's numbers.

    Attributes:
        known_pixels: with true flow; all else counts nowhere.
        known_share: theirs of the frame.
        epe_px: their mean end-point error, px.
        epe_visible_px: the same over those that both frames show, px; NaN where nobody says which.
        outliers: of the known pixels, those more than 3 px and more than 5 % of the true flow's
            length off (Menze and Geiger, CVPR 2015).
    """

    known_pixels: int
    known_share: float
    epe_px: float
    epe_visible_px: float
    outliers: int


def accuracy(
    flow: Float[ndarray, "2 h w"],
    truth: Float[ndarray, "2 h w"],
    known: Bool[ndarray, "h w"],
    visible: Bool[ndarray, "h w"] | None,
) -> Accuracy:
    """Judge flow by the truth where that is known.

    Args:
        flow, truth: px.
        known: pixels that count, one or more.
        visible: those of them that both frames show, if somebody says.
    """
    error = end_point_error(*(torch.from_numpy(f).double() for f in (flow, truth))).numpy()
    length = np.hypot(*truth.astype(np.float64))
    off = known & (error > OUTLIER_PX) & (error > OUTLIER_SHARE * length)
    seen = error[visible].mean() if visible is not None and visible.any() else np.nan
    return Accuracy(
        int(known.sum()), float(known.mean()), float(error[known].mean()), float(seen),
        int(off.sum()),
    )  # fmt: skip


def summarised(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row a data set and estimator.

    End-point errors and shares of known pixels are means over pairs; outliers are of all known
    pixels together, as in KITTI's table. ``epe_visible_px`` stands where all pairs have one: beside
    ``epe_px`` it is to be of the same pairs.

    Args:
        pairs: columns ``dataset``, ``estimator`` and those of :class:`Accuracy`, a row a pair.

    Returns:
        ``dataset``, ``estimator``, ``pairs``, ``epe_px``, ``epe_visible_px``, ``outlier_share``,
        ``known_share``; estimators of a data set from the best to the worst.
    """
    groups = pairs.groupby(["dataset", "estimator"])
    table = groups[["epe_px", "epe_visible_px", "known_share"]].mean()
    told = groups["epe_visible_px"].count() == groups.size()
    table["epe_visible_px"] = table["epe_visible_px"].where(told)
    totals = groups[["outliers", "known_pixels"]].sum()
    table.insert(0, "pairs", groups.size())
    table.insert(3, "outlier_share", totals["outliers"] / totals["known_pixels"])
    return table.reset_index().sort_values(["dataset", "epe_px", "estimator"])
