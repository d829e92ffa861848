"""Dense Inverse Search (Kroeger et al., ECCV 2016) by OpenCV, preset medium."""

import cv2
import numpy as np

from flowmend.errors import InputError
from flowmend.estimators.clip_frames import ClipFrames

SHORTEST_SIDE_PX = 16


def estimate(image_a: np.ndarray, image_b: np.ndarray) -> np.ndarray:
    """Flow from one picture to another; the same bytes every time.

    Args:
        image_a, image_b: (3, H, W) uint8 RGB.

    Returns:
        (2, H, W) float32, px.

    Raises:
        InputError: the pictures differ in size or are smaller than 16 px.
    """
    if image_a.shape != image_b.shape or min(image_a.shape[-2:]) < SHORTEST_SIDE_PX:
        raise InputError(
            "flow.estimator: dis",
            f"cannot match frames of {_size(image_a)} and {_size(image_b)} px",
            f"give frames of one size, {SHORTEST_SIDE_PX} px or more",
        )
    cv2.setNumThreads(1)
    # A new instance per pair: after a frame of 16 px, OpenCV 5.0's gives other flow on large ones.
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = method.calc(_grey(image_a), _grey(image_b), None)  # type: ignore[call-overload]
    return np.ascontiguousarray(flow.transpose(2, 0, 1))


def estimate_frames(clip: ClipFrames, source: int, target: int) -> np.ndarray:
    """:func:`estimate` on two frames of a clip, at their own resolution."""
    return estimate(clip.image(source), clip.image(target))


def _grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(image.transpose(1, 2, 0)), cv2.COLOR_RGB2GRAY)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[2]}×{image.shape[1]}"
