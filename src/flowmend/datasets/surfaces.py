"""The world of one synthetic clip: a background and the shapes before it, back to front."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from flowmend.datasets.shapes import OUTLINES
from flowmend.datasets.textures import texture
from flowmend.datasets.trajectories import (
    Affine,
    Bend,
    Motion,
    compose,
    moving,
    similarity,
    smooth_signal,
)

Points = Float[np.ndarray, "frames height width"]
Colours = UInt8[np.ndarray, "frames*height width 3"]

# World units: the frame's short side is 1. Rates are per frame; 1/64 is 1 px on a 64-px frame.
_SHAPES = (2, 5)
_RADIUS = (0.13, 0.36)
_SPEED = (1.2 / 64, 5.0 / 64)
_SPIN_RADIANS = (0.005, 0.07)
_ZOOM = (0.003, 0.02)
_BEND = (0.015, 0.04)
_CAMERA_SPEED = (0.2 / 64, 2.0 / 64)
_CAMERA_SPIN_RADIANS = (0.0, 0.012)
_CAMERA_ZOOM = (0.0, 0.010)
_PARALLAX = (0.001, 0.006)
# Half the side of the square of material coordinates that holds a shape of radius 1.
_MATERIAL_REACH = 1.1
# How far beyond the frame the background is painted before it is mirrored.
_BACKGROUND_MARGIN = 0.3


@dataclass(frozen=True)
class Surface:
    """One textured layer, without end.

    Attributes:
        motion: of its material points.
        colours: its texture, channels last.
        texels: texture pixels a material unit; the texture's centre is the material origin.
    """

    motion: Motion
    colours: UInt8[np.ndarray, "rows columns 3"]
    texels: float

    def colours_at(self, u: Points, v: Points) -> Colours:
        """Texture at material points; one tall picture, for OpenCV's sake."""
        mirror = cv2.BORDER_REFLECT_101
        return cv2.remap(self.colours, *self._texel(u, v), cv2.INTER_LINEAR, borderMode=mirror)

    def _texel(self, u: Points, v: Points) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = self.colours.shape[:2]
        column = (u * self.texels + (columns - 1) / 2).astype(np.float32)
        row = (v * self.texels + (rows - 1) / 2).astype(np.float32)
        return column.reshape(-1, u.shape[-1]), row.reshape(-1, u.shape[-1])


@dataclass(frozen=True)
class Shape(Surface):
    """A surface with an outline.

    Attributes:
        level: raster of its level (see :mod:`~flowmend.datasets.shapes`) on the texture's texels.
        radius: of the disc that holds it, world units; its material unit.
    """

    level: Float[np.ndarray, "rows columns"]
    radius: float

    def level_at(self, u: Points, v: Points) -> Points:
        """Level at material points: positive on the surface, in material units."""
        outside = -1.0
        level = cv2.remap(
            self.level,
            *self._texel(u, v),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=outside,
        )
        return level.reshape(u.shape)


@dataclass(frozen=True)
class World:
    """A background and the shapes before it, back to front."""

    background: Surface
    shapes: tuple[Shape, ...]


def draw_world(seed: int, frames: int, height: int, width: int) -> World:
    """Everything that is random in one clip.

    The same seed gives the same motion and shapes at every frame size of one aspect ratio.
    """
    random = np.random.default_rng(seed)
    times = np.arange(frames) - (frames - 1) / 2
    camera = _camera(random, times)
    count = int(random.integers(*_SHAPES, endpoint=True))
    unit = min(height, width)
    extent = np.array([width, height]) / unit
    streams = random.spawn(count + 1)
    background = _background(streams[0], camera, times, extent, unit)
    shapes = (_shape(stream, camera, times, extent, unit) for stream in streams[1:])
    return World(background, tuple(shapes))


def _camera(random: np.random.Generator, times: np.ndarray) -> Affine:
    angle = smooth_signal(random, times, random.uniform(*_CAMERA_SPIN_RADIANS), 1)[:, 0]
    log_scale = smooth_signal(random, times, random.uniform(*_CAMERA_ZOOM), 1)[:, 0]
    rate = random.uniform(*_CAMERA_SPEED) / np.sqrt(2)
    return similarity(angle, log_scale, smooth_signal(random, times, rate, 2))


def _background(
    random: np.random.Generator, camera: Affine, times: np.ndarray, extent: np.ndarray, unit: int
) -> Surface:
    # The bend stands for parallax: no affine motion, but as smooth as hills under the camera.
    bend = _bend(random, times, random.uniform(*_PARALLAX), (1.8, 4.0))
    columns, rows = np.ceil((extent + 2 * _BACKGROUND_MARGIN) * unit).astype(int)
    period = unit * random.uniform(0.12, 0.4)
    colours = texture(random, rows, columns, period, saturation=(0.05, 0.55))
    return Surface(moving(camera, bend), colours, unit)


def _shape(
    random: np.random.Generator, camera: Affine, times: np.ndarray, extent: np.ndarray, unit: int
) -> Shape:
    radius = np.exp(random.uniform(*np.log(_RADIUS)))
    speed = np.exp(random.uniform(*np.log(_SPEED))) / np.sqrt(2)
    place = random.uniform(-0.46, 0.46, 2) * extent + smooth_signal(random, times, speed, 2)
    spin = smooth_signal(random, times, random.uniform(*_SPIN_RADIANS), 1)[:, 0]
    zoom = smooth_signal(random, times, random.uniform(*_ZOOM), 1)[:, 0]
    own = similarity(random.uniform(0, 2 * np.pi) + spin, np.log(radius) + zoom, place)
    bend = None
    if random.random() < 0.5:
        bend = _bend(random, times, random.uniform(*_BEND), (0.6, 1.3))
    outline = OUTLINES[random.integers(len(OUTLINES))]
    texels = radius * unit
    side = int(np.ceil(2 * _MATERIAL_REACH * texels)) + 1
    material = (np.arange(side) - (side - 1) / 2) / texels
    level = outline(random, *np.meshgrid(material, material)).astype(np.float32)
    period = max(texels * random.uniform(0.35, 1.0), 4.0)
    colours = texture(random, side, side, period, saturation=(0.3, 0.95))
    return Shape(moving(compose(camera, own), bend), colours, texels, level, radius)


def _bend(
    random: np.random.Generator, times: np.ndarray, rate: float, steepness: tuple[float, float]
) -> Bend:
    return Bend(
        smooth_signal(random, times, rate, 2),
        random.uniform(*steepness, 2),
        random.uniform(-1.5, 1.5, 2),
    )
