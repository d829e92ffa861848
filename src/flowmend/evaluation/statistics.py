"""Paired bootstrap over clips: what another draw of test clips would have done to a table.

The holes and directions of one clip share its motion, so whole clips are resampled (a cluster
bootstrap), every method with the same draws: differences and ratios stay paired.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
FEWEST_CLIPS = 2
"""An interval over one clip would have no width: none is given."""


@dataclass(frozen=True)
class Estimate:
    """A statistic and its percentile interval; low and high are NaN below ``FEWEST_CLIPS``."""

    value: float
    low: float
    high: float


class ClipBootstrap:
    """Draws of clips with replacement, shared by every statistic of one table.

    Args:
        clips: the clip of each case, any labels, (cases,).
        samples: number of draws.
        seed: of the draws; the same clips and seed give the same draws.
    """

    def __init__(self, clips: ArrayLike, samples: int, seed: int) -> None:
        labels, self._clip_of_case = np.unique(np.asarray(clips), return_inverse=True)
        self.clips = len(labels)
        random = np.random.default_rng(seed)
        even = np.full(self.clips, 1 / self.clips)
        self._draws = random.multinomial(self.clips, even, size=samples).astype(np.float64)

    def mean(self, values: ArrayLike) -> Estimate:
        """Mean over the cases.

        Args:
            values: one a case, (cases,).
        """
        cases = np.ones(len(self._clip_of_case))
        return self._ratio_of_sums(np.asarray(values, dtype=np.float64), cases)

    def ratio(self, values: ArrayLike, baseline: ArrayLike) -> Estimate:
        """Mean over mean, of the same cases; NaN where the baseline's mean is zero.

        Args:
            values: one a case, (cases,).
            baseline: another method's value of each case, (cases,).
        """
        return self._ratio_of_sums(
            np.asarray(values, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
        )

    def gain(self, values: ArrayLike, baseline: ArrayLike) -> Estimate:
        """Mean of ``baseline − values``: above zero, the method beats the baseline.

        Args:
            values: one a case, (cases,).
            baseline: another method's value of each case, (cases,).
        """
        return self.mean(
            np.asarray(baseline, dtype=np.float64) - np.asarray(values, dtype=np.float64)
        )

    def _ratio_of_sums(self, numerator: NDArray, denominator: NDArray) -> Estimate:
        above, below = self._clip_sums(numerator), self._clip_sums(denominator)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.divide(above.sum(), below.sum())
            drawn = (self._draws @ above) / (self._draws @ below)
        if not np.isfinite(value):
            return Estimate(np.nan, np.nan, np.nan)
        if self.clips < FEWEST_CLIPS:
            return Estimate(float(value), np.nan, np.nan)
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(drawn, (tail, 1 - tail))
        return Estimate(float(value), float(low), float(high))

    def _clip_sums(self, values: NDArray) -> NDArray:
        return np.bincount(self._clip_of_case, weights=values, minlength=self.clips)
