"""What all frame-wise fills share: which fields have which hole."""

from collections.abc import Callable

import numpy as np

_RING_PX = 8  # more than any method reads around the hole

# Fills the fields (n, H, W), float32, in one hole (H, W) that is neither empty nor everything;
# gives back the values in the hole, (n, P), in C order of its pixels.
Solve = Callable[[np.ndarray, np.ndarray], np.ndarray]


def fill_frames(flow: np.ndarray, hole: np.ndarray, solve: Solve) -> np.ndarray:
    """Fill each frame from its own known pixels; frames with the same hole go together.

    Args:
        flow: (…, 2, H, W), px; what is in the hole is not read.
        hole: (H, W), or one a frame (…, H, W), bool.
        solve: the method.

    Returns:
        float32 (…, 2, H, W), bitwise equal to ``flow`` outside the hole, 0 in a frame that is
        all hole.
    """
    holes = np.broadcast_to(hole, (*flow.shape[:-3], *flow.shape[-2:])).reshape(
        -1, *flow.shape[-2:]
    )
    filled = np.array(flow, dtype=np.float32).reshape(-1, *flow.shape[-3:])
    for frames in _alike(holes):
        where = holes[frames[0]]
        if where.all():
            filled[frames] = 0.0
        elif where.any():
            rows, columns = _surroundings(where)
            inside, fields = where[rows, columns], filled[frames][..., rows, columns]
            fields[..., inside] = 0.0
            flat = fields.reshape(-1, *inside.shape)
            fields[..., inside] = solve(flat, inside).reshape(*fields.shape[:-2], -1)
            filled[frames, :, rows, columns] = fields
    return filled.reshape(flow.shape)


def _surroundings(hole: np.ndarray) -> tuple[slice, slice]:
    """The hole's bounding box with a ring around it, as far as the frame goes."""
    spans = (np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0)))
    rows, columns = (slice(max(at[0] - _RING_PX, 0), at[-1] + 1 + _RING_PX) for at in spans)
    return rows, columns


def _alike(holes: np.ndarray) -> list[list[int]]:
    """Indices of the frames, grouped by equal holes."""
    if holes.strides[0] == 0:  # one hole, broadcast
        return [list(range(len(holes)))]
    groups: dict[bytes, list[int]] = {}
    for index, hole in enumerate(holes):
        groups.setdefault(np.packbits(hole).tobytes(), []).append(index)
    return list(groups.values())
