"""Outlines of annotated objects (report, 2.6.1)."""

import numpy as np


def segmentation_edges(segmentation: np.ndarray) -> np.ndarray:
    """Where the gradient of object ids (…, H, W) is not 0: bool (…, H, W), one pixel wide.

    Forward differences: a pixel is on an edge if the pixel to its right or below has another id.
    """
    edges = np.zeros(segmentation.shape, bool)
    edges[..., :-1] |= segmentation[..., 1:] != segmentation[..., :-1]
    edges[..., :-1, :] |= segmentation[..., 1:, :] != segmentation[..., :-1, :]
    return edges
