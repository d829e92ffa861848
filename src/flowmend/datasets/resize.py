"""Resizing flow: its values are pixels of the grid, so they are rescaled with it."""

import cv2
import numpy as np


def resize_flow(flow: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample flow to another grid and rescale its values.

    Shrinking averages over each new pixel's area (no aliasing at motion edges); growing is
    bilinear. Both keep the corners of the frame in place, as for images.

    Args:
        flow: (..., 2, H, W) float32, px of its own grid.
        height, width: of the new grid, px.

    Returns:
        (..., 2, height, width) float32, px of the new grid.
    """
    rows, columns = flow.shape[-2:]
    if (rows, columns) == (height, width):
        return flow
    shrinks = height <= rows and width <= columns
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    scale = np.array([width / columns, height / rows], np.float32)[:, None, None]
    planes = flow.reshape(-1, rows, columns)
    resized = np.stack(
        [cv2.resize(plane, (width, height), interpolation=method) for plane in planes]
    )
    return resized.reshape(*flow.shape[:-2], height, width) * scale
