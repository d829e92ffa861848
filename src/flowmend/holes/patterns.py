"""Shapes of holes: bool patterns whose bounding box is exactly the sides that were drawn."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

Sides = tuple[int, int]  # shortest and longest side of a hole, px

_VOID = 255  # beside other ids: "not annotated", not an object
_LEAST_OBJECT_PX = 25
_STROKE_VERTICES = (4, 8)
_STROKE_TURN = 2 * np.pi / 5
_BRUSH_SHARE = (12, 7)  # the brush's radius is a side over 12 to a side over 7


def rectangle(rng: np.random.Generator, sides: Sides) -> np.ndarray:
    """A full box."""
    return np.ones(_box(rng, sides), bool)


def ellipse(rng: np.random.Generator, sides: Sides) -> np.ndarray:
    """The ellipse inscribed in a box."""
    height, width = _box(rng, sides)
    rows, columns = np.ogrid[:height, :width]
    across = (2 * rows - height + 1) / height, (2 * columns - width + 1) / width
    return across[0] ** 2 + across[1] ** 2 <= 1.0


def stroke(rng: np.random.Generator, sides: Sides) -> np.ndarray:
    """A free-form stroke: a round brush along a winding line (after Yu et al., 2019)."""
    height, width = _box(rng, sides)
    thick, thin = (max(1, min(height, width) // share) for share in reversed(_BRUSH_SHARE))
    radius = int(rng.integers(thin, thick + 1))
    line = _winding_line(rng)
    room = np.array([height, width]) - 1 - 2 * radius
    line = np.rint((line - line.min(axis=0)) / np.ptp(line, axis=0) * room) + radius
    pixels = np.moveaxis(np.indices((height, width)), 0, -1)
    return np.any([_distance(pixels, a, b) <= radius for a, b in pairwise(line)], axis=0)


def object_shaped(
    rng: np.random.Generator, sides: Sides, segmentations: Sequence[np.ndarray]
) -> np.ndarray | None:
    """An object of one of the segmentations (H, W), scaled to the sides drawn.

    The donor is drawn at random; a donor without a usable object passes the turn to the next, in
    order. The longer side is drawn, the other keeps the object's proportions as far as the sides
    allow. None if no donor has an object of 25 pixels or more that isn't just a box.
    """
    first = int(rng.integers(len(segmentations))) if segmentations else 0
    longest = int(rng.integers(sides[0], sides[1] + 1))
    for turn in range(len(segmentations)):
        found = _objects(segmentations[(first + turn) % len(segmentations)])
        if found:
            chosen = found[int(rng.integers(len(found)))]
            return _scaled(chosen, longest, sides[0])
    return None


def _box(rng: np.random.Generator, sides: Sides) -> tuple[int, int]:
    height, width = rng.integers(sides[0], sides[1] + 1, size=2)
    return int(height), int(width)


def _winding_line(rng: np.random.Generator) -> np.ndarray:
    """Vertices (row, column) of a line that bends to and fro; any scale."""
    steps = int(rng.integers(_STROKE_VERTICES[0], _STROKE_VERTICES[1] + 1)) - 1
    turns = rng.uniform(-_STROKE_TURN, _STROKE_TURN, steps) + np.pi * (np.arange(steps) % 2)
    angles = rng.uniform(0, 2 * np.pi) + turns
    lengths = rng.uniform(0.5, 1.0, steps)
    moves = lengths[:, None] * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)])


def _distance(pixels: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distance (H, W) of pixels (H, W, 2) to a segment."""
    along = end - start
    share = ((pixels - start) @ along / max(along @ along, 1e-9)).clip(0, 1)
    return np.linalg.norm(pixels - start - share[..., None] * along, axis=-1)


def _objects(segmentation: np.ndarray) -> list[np.ndarray]:
    """Usable objects of a segmentation, each cut to its bounding box, by rising id."""
    ids = [i for i in np.unique(segmentation).tolist() if i != 0]
    ids = [i for i in ids if i != _VOID] or ids
    cut = [_cut(segmentation == i) for i in ids]
    return [shape for shape in cut if shape.sum() >= _LEAST_OBJECT_PX and not shape.all()]


def _cut(pattern: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(pattern.any(axis=1)), np.flatnonzero(pattern.any(axis=0))
    return pattern[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _scaled(shape: np.ndarray, longest: int, shortest: int) -> np.ndarray:
    """Scale a cut shape to ``longest``, with no side below ``shortest``.

    Parts thinner than half a pixel keep their best pixel in each row and column that they alone
    reach, so that the pattern still fills its box.
    """
    share = longest / max(shape.shape)
    height, width = (max(shortest, round(side * share)) for side in shape.shape)
    cover = cv2.resize(shape.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    pattern = cover >= 0.5
    for axis in (0, 1):
        lost = (cover > 0) & ~pattern.any(axis=axis, keepdims=True)
        pattern |= lost & (cover == cover.max(axis=axis, keepdims=True))
    return pattern
