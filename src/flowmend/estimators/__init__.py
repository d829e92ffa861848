"""Where true flow comes from: of one clip, between any of its frames.

:mod:`flowmend.estimators.registry` makes an estimator from its name. It is not imported here: its
networks take torch, and what reads a clip's frames alone does not depend on their code.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from flowmend.estimators.clip_frames import ClipFrames, clips_of

__all__ = ["ClipFrames", "Estimator", "PairEstimator", "clips_of", "pair_by_pair"]

Estimator = Callable[[ClipFrames, Sequence[tuple[int, int]]], Iterator[np.ndarray]]
"""(clip, pairs) -> flow from frame source to frame target of each pair (source, target), in the
order of the pairs: (2, H, W) float32, px."""

PairEstimator = Callable[[ClipFrames, int, int], np.ndarray]
"""(clip, source, target) -> flow of that pair alone, (2, H, W) float32, px."""


def pair_by_pair(one: PairEstimator) -> Estimator:
    """The estimator that has each pair's flow from a function of that pair alone."""

    def estimate(clip: ClipFrames, pairs: Sequence[tuple[int, int]]) -> Iterator[np.ndarray]:
        return (one(clip, source, target) for source, target in pairs)

    return estimate
