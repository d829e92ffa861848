"""Masks as they come against the frames they belong to."""

from collections.abc import Collection

import numpy as np

from flowmend.errors import InputError

SLACK_PX = 1


def fit_to_frame(ids: np.ndarray, height: int, width: int, where: object) -> np.ndarray:
    """Give a mask the size of its frame, if it is one pixel off: DAVIS has such copies.

    A missing last row or column repeats its neighbour, a spare one is cut off.

    Args:
        ids: object ids, (h, w) uint8.
        height, width: of the frame, px.
        where: names the mask in errors.

    Returns:
        (height, width) uint8.

    Raises:
        InputError: the mask is more than one pixel off.
    """
    rows, columns = height - ids.shape[0], width - ids.shape[1]
    if max(abs(rows), abs(columns)) > SLACK_PX:
        raise InputError(
            where,
            f"mask of another size: {ids.shape[1]}×{ids.shape[0]} px, "
            f"its frame has {width}×{height} px",
            "restore the mask that belongs to this frame",
        )
    padded = np.pad(ids, ((0, max(rows, 0)), (0, max(columns, 0))), mode="edge")
    return padded[:height, :width]


def keep_objects(ids: np.ndarray, objects: Collection[int]) -> np.ndarray:
    """Set all objects but the chosen ones to background; the ids stay."""
    return np.where(np.isin(ids, list(objects)), ids, 0).astype(np.uint8)
