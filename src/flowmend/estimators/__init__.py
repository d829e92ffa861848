"""Where true flow comes from: one function per estimator, of one clip and two of its frames."""

from collections.abc import Callable

import numpy as np

from flowmend.estimators import dis, exact, flownet2
from flowmend.estimators.clip_frames import ClipFrames, clips_of

__all__ = ["ESTIMATORS", "ClipFrames", "Estimator", "clips_of"]

Estimator = Callable[[ClipFrames, int, int], np.ndarray]
"""(clip, source, target) -> flow from frame source to frame target, (2, H, W) float32, px."""

ESTIMATORS: dict[str, Estimator] = {
    "exact": exact.read,
    "dis": dis.estimate_frames,
    "flownet2": flownet2.estimate_frames,
}
