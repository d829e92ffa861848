"""Edges of pictures by the source that ``edges.source`` names: Canny, or HED with its weights."""

from collections.abc import Callable

import cv2
import numpy as np

from flowmend.edges import image_edges
from flowmend.params import EdgeParams

EdgeFinder = Callable[[np.ndarray], np.ndarray]
"""A picture (3, H, W) uint8 RGB -> its edges, bool (H, W)."""


def edge_finder(params: EdgeParams) -> EdgeFinder:
    """Who finds a picture's edges; torch is imported for HED alone.

    Raises:
        InputError: HED's weights are missing, damaged or not HED's, or there is no such device.
    """
    if params.source == "canny":
        return canny_finder(params)
    from flowmend.stages.hed_edges import hed_finder

    return hed_finder(params)


def canny_finder(params: EdgeParams) -> EdgeFinder:
    """Canny at the threshold of the params."""
    return lambda picture: image_edges(picture, params.canny_image_levels)


def at_size(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture (3, h, w) averaged over the pixels of another grid: (3, height, width) uint8."""
    small = cv2.resize(image.transpose(1, 2, 0), (width, height), interpolation=cv2.INTER_AREA)
    return small.transpose(2, 0, 1)
