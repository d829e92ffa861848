"""Canny on flow and on pictures, channels taken as one vector (report, 2.6.1)."""

import cv2
import numpy as np

_STEPS_PER_LEVEL = 8.0  # cv2.Sobel of a ramp of 1 per px is 8
_INT16_PER_FLOW_PX = 512.0  # cv2.Canny takes int16 gradients: 1/512 px per px, up to 64 px per px
_INT16_PER_LEVEL = 64.0  # 1/64 level per px, up to 512
_LOW_SHARE = 0.4  # Canny's lower threshold, of the upper one


def flow_edges(flow: np.ndarray, threshold_px: float) -> np.ndarray:
    """Canny on a flow (2, H, W), both components as one vector: bool (H, W).

    The gradient is that of a vector image (Di Zenzo 1986): along the direction in which the flow
    changes most, so that turning all flow vectors together changes no edge.

    Args:
        flow: px.
        threshold_px: upper threshold of the gradient, px per px; a motion edge between
            neighbouring pixels has half its jump. The lower threshold is 0.4 times that.
    """
    return _canny(flow, threshold_px, _INT16_PER_FLOW_PX)


def image_edges(image: np.ndarray, threshold_levels: float) -> np.ndarray:
    """Canny on a picture (3, H, W) uint8 RGB, its channels as one vector: bool (H, W).

    Args:
        image: RGB.
        threshold_levels: upper threshold of the gradient, grey levels per px.
    """
    return _canny(image.astype(np.float32), threshold_levels, _INT16_PER_LEVEL)


def _canny(channels: np.ndarray, threshold: float, units: float) -> np.ndarray:
    along_x, along_y = _gradient(channels)
    largest = max(np.abs(along_x).max(), np.abs(along_y).max())
    units = min(units, 32767.0 / max(float(largest), 1e-9))
    edges = cv2.Canny(
        np.rint(along_x * units).astype(np.int16),
        np.rint(along_y * units).astype(np.int16),
        _LOW_SHARE * threshold * units,
        threshold * units,
        L2gradient=True,
    )
    return edges > 0


def _gradient(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (x, y) of a vector image (C, H, W) along its direction of greatest change."""
    d_x = np.stack([cv2.Sobel(c, cv2.CV_32F, 1, 0) for c in channels]) / _STEPS_PER_LEVEL
    d_y = np.stack([cv2.Sobel(c, cv2.CV_32F, 0, 1) for c in channels]) / _STEPS_PER_LEVEL
    xx, xy, yy = (d_x**2).sum(axis=0), (d_x * d_y).sum(axis=0), (d_y**2).sum(axis=0)
    spread = np.hypot(xx - yy, 2 * xy)
    norm, angle = np.sqrt((xx + yy + spread) / 2), np.arctan2(2 * xy, xx - yy) / 2
    return norm * np.cos(angle), norm * np.sin(angle)
