"""Moving shapes: a synthetic set with exact flow, occlusion and segmentation (SPEC, section 2).

Textured, mostly non-convex shapes move before a textured background under a moving camera. All
trajectories are smooth and random with changing acceleration, some shapes bend and the background
has parallax, so that no closed-form motion model is the generator's own. Every material point has
an exact place in every frame, from which flow and occlusion follow without approximation.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from flowmend.datasets.surfaces import World, draw_world
from flowmend.io.flo import encode_flo
from flowmend.io.images import encode_jpeg, encode_png, encode_segmentation

Positions = Float[np.ndarray, "2 frames height width"]
Look = tuple[
    UInt8[np.ndarray, "frames 3 height width"],
    UInt8[np.ndarray, "frames height width"],
    Positions,
]
Sink = Callable[[str, bytes], object]
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class MovingShapes:
    """One clip of F video frames and the truth about it.

    Attributes:
        images: RGB, (F, 3, H, W).
        segmentation: 0 for the background, 1, 2, … for the shapes, nearer ones higher, (F, H, W).
        forward: flow t → t+1 for t = 0 … F−2, px, of the point seen at each pixel centre.
        backward: flow t → t−1 for t = 1 … F−1, px.
        occlusion_forward: True where that point is hidden or out of frame in t+1, t = 0 … F−2.
        occlusion_backward: the same in t−1, t = 1 … F−1.
        pure: True where the pixel and its eight neighbours see one surface, (F, H, W): bilinear
            look-ups next to such a pixel do not mix two motions.
    """

    images: UInt8[np.ndarray, "frames 3 height width"]
    segmentation: UInt8[np.ndarray, "frames height width"]
    forward: Float32[np.ndarray, "pairs 2 height width"]
    backward: Float32[np.ndarray, "pairs 2 height width"]
    occlusion_forward: Bool[np.ndarray, "pairs height width"]
    occlusion_backward: Bool[np.ndarray, "pairs height width"]
    pure: Bool[np.ndarray, "frames height width"]


def render(seed: int, frames: int = 8, height: int = 64, width: int = 64) -> MovingShapes:
    """Render one clip. Lengths scale with the frame's short side, typical motion with them.

    Args:
        seed: of everything in the clip.
        frames: video frames, at least 2.
        height, width: of the frames, px.
    """
    world = draw_world(seed, frames, height, width)
    images, segmentation, material = _look(world, frames, height, width)
    there = _targets(world, segmentation[:-1], material[:, :-1], np.arange(1, frames))
    back = _targets(world, segmentation[1:], material[:, 1:], np.arange(frames - 1))
    return MovingShapes(
        images,
        segmentation,
        _displacement(there),
        _displacement(back),
        _hidden(world, segmentation[:-1], there, np.arange(1, frames)),
        _hidden(world, segmentation[1:], back, np.arange(frames - 1)),
        _pure(segmentation),
    )


def pixel_centres(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """World coordinates of the columns (W,) and of the rows (H, 1)."""
    unit = min(height, width)
    columns = (np.arange(width) - (width - 1) / 2) / unit
    rows = (np.arange(height) - (height - 1) / 2) / unit
    return columns, rows[:, None]


def _look(world: World, frames: int, height: int, width: int) -> Look:
    """Paint back to front: images, segmentation and the material point at each pixel centre."""
    time = np.arange(frames)[:, None, None]
    x, y = pixel_centres(height, width)
    u, v = world.background.motion.locate(x, y, time)
    painted = world.background.colours_at(u, v).astype(np.float32)
    segmentation = np.zeros((frames, height, width), np.uint8)
    material = np.stack((u, v))
    for depth, shape in enumerate(world.shapes, start=1):
        u, v = shape.motion.locate(x, y, time)
        level = shape.level_at(u, v)
        seen = level > 0
        segmentation[seen] = depth
        material[:, seen] = u[seen], v[seen]
        # Within about half a pixel of the outline colours blend; the truth does not.
        cover = np.clip(0.5 + level * (shape.radius * min(height, width)), 0, 1)
        _blend(painted, shape.colours_at(u, v), cover.reshape(painted.shape[:2]))
    images = np.rint(painted).astype(np.uint8).reshape(frames, height, width, 3)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), segmentation, material


def _blend(painted: np.ndarray, colours: np.ndarray, cover: np.ndarray) -> None:
    touched = cover > 0
    below = painted[touched]
    painted[touched] = below + cover[touched][:, None] * (colours[touched] - below)


def _targets(
    world: World, segmentation: np.ndarray, material: Positions, frames: np.ndarray
) -> Positions:
    """World position, in the given frames, of the material point seen at each pixel centre."""
    targets = np.empty((2, len(frames), segmentation[0].size))
    material = material.reshape(targets.shape)
    for depth, surface in enumerate((world.background, *world.shapes)):
        for pair, frame in enumerate(frames):
            seen = np.flatnonzero(segmentation[pair] == depth)
            u, v = material[:, pair, seen]
            targets[:, pair, seen] = surface.motion.place(u, v, frame)
    return targets.reshape(2, *segmentation.shape)


def _displacement(targets: Positions) -> Float32[np.ndarray, "pairs 2 height width"]:
    """Flow in px from the pixel centres to the targets."""
    height, width = targets.shape[-2:]
    x, y = pixel_centres(height, width)
    flow = np.stack((targets[0] - x, targets[1] - y), axis=1) * min(height, width)
    return flow.astype(np.float32)


def _hidden(
    world: World, segmentation: np.ndarray, targets: Positions, frames: np.ndarray
) -> Bool[np.ndarray, "pairs height width"]:
    """True where the target is out of frame or behind a nearer surface."""
    x, y = targets
    columns, rows = pixel_centres(*x.shape[-2:])
    hidden = (np.abs(x) > columns[-1]) | (np.abs(y) > rows[-1])
    for depth, shape in enumerate(world.shapes, start=1):
        level = shape.level_at(*shape.motion.locate(x, y, frames[:, None, None]))
        hidden |= (level > 0) & (segmentation < depth)
    return hidden


def _pure(segmentation: np.ndarray) -> Bool[np.ndarray, "frames height width"]:
    window = np.ones((3, 3), np.uint8)
    return np.stack([cv2.dilate(ids, window) == cv2.erode(ids, window) for ids in segmentation])


def write_davis(clip: MovingShapes, name: str, sink: Sink) -> None:
    """Hand one clip to ``sink(path, bytes)`` in the DAVIS layout, with its truth beside it."""
    write_frames(clip, name, sink)
    write_truth(clip, name, sink)


def write_frames(clip: MovingShapes, name: str, sink: Sink) -> None:
    """``JPEGImages/480p/<name>/00000.jpg`` and ``Annotations/480p/<name>/00000.png``."""
    for t, (image, ids) in enumerate(zip(clip.images, clip.segmentation)):
        sink(f"JPEGImages/480p/{name}/{t:05d}.jpg", encode_jpeg(image, _JPEG_QUALITY))
        sink(f"Annotations/480p/{name}/{t:05d}.png", encode_segmentation(ids))


def write_truth(clip: MovingShapes, name: str, sink: Sink) -> None:
    """Flow and occlusion, named by the frame that the flow starts from.

    ``Flow/forward/<name>/00000.flo``, ``Occlusion/forward/<name>/00000.png`` (0 and 255), and
    ``backward`` from frame 1 on.
    """
    directions = (
        ("forward", clip.forward, clip.occlusion_forward, 0),
        ("backward", clip.backward, clip.occlusion_backward, 1),
    )
    for direction, flows, occlusions, first in directions:
        for t, (flow, hidden) in enumerate(zip(flows, occlusions), start=first):
            sink(f"Flow/{direction}/{name}/{t:05d}.flo", encode_flo(flow))
            picture = encode_png(hidden.astype(np.uint8) * 255)
            sink(f"Occlusion/{direction}/{name}/{t:05d}.png", picture)
