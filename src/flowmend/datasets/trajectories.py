"""Smooth random motion with changing acceleration, and its exact inverse.

Lengths are in *world units*: the frame's short side is 1, its centre the origin, x to the right
and y down. Time is in frames, 0 at the middle of the clip.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Array = Float[np.ndarray, "*points"]
Affine = Float[np.ndarray, "frames 2 3"]

_WAVES = 3
_PERIODS_FRAMES = (8.0, 32.0)


def smooth_signal(
    random: np.random.Generator,
    times: Float[np.ndarray, " frames"],
    rate: float,
    channels: int,
) -> Float[np.ndarray, "frames channels"]:
    """Sums of a few sinusoids: smooth, zero at time 0, no derivative of which is constant.

    Args:
        times: frames.
        rate: root mean square of the first derivative of each channel, units a frame.
        channels: independent signals.
    """
    shortest, longest = np.log(_PERIODS_FRAMES)
    omega = 2 * np.pi / np.exp(random.uniform(shortest, longest, (_WAVES, channels)))
    phase = random.uniform(0, 2 * np.pi, (_WAVES, channels))
    amplitude = rate * np.sqrt(2 / _WAVES) / omega
    waves = np.sin(omega * times[:, None, None] + phase) - np.sin(phase)
    return (amplitude * waves).sum(axis=1)


def similarity(
    angle: Float[np.ndarray, " frames"],
    log_scale: Float[np.ndarray, " frames"],
    translation: Float[np.ndarray, "frames 2"],
) -> Affine:
    """Turn (radians) and scale about the origin, then translate."""
    cosine, sine = np.exp(log_scale) * (np.cos(angle), np.sin(angle))
    rows = ((cosine, -sine, translation[:, 0]), (sine, cosine, translation[:, 1]))
    return np.moveaxis(np.array(rows), -1, 0)


def compose(outer: Affine, inner: Affine) -> Affine:
    """The affine maps that apply ``inner`` first."""
    linear = outer[..., :2] @ inner[..., :2]
    shift = outer[..., :2] @ inner[..., 2:] + outer[..., 2:]
    return np.concatenate((linear, shift), axis=-1)


def invert(affine: Affine) -> Affine:
    """The inverse affine maps."""
    linear = np.linalg.inv(affine[..., :2])
    return np.concatenate((linear, -linear @ affine[..., 2:]), axis=-1)


def transform(affine: Affine, x: Array, y: Array, frame: np.ndarray) -> tuple[Array, Array]:
    """Apply the map of each point's frame; points and ``frame`` broadcast."""
    row_x, row_y = affine[frame, 0], affine[frame, 1]
    return _dot(row_x, x, y), _dot(row_y, x, y)


def _dot(row: np.ndarray, x: Array, y: Array) -> Array:
    return row[..., 0] * x + row[..., 1] * y + row[..., 2]


@dataclass(frozen=True)
class Bend:
    """A non-rigid deformation with an exact inverse: an uneven shear along x, then along y.

    The shear along x moves the row at v by ``amplitude · wave(steepness · v + shift)``, where
    ``wave(s) = 2s / (1 + s²)`` swings once between -1 and 1; the other one likewise by columns.

    Attributes:
        amplitude: of the shear along x and along y in every frame, (F, 2).
        steepness: of either, per unit, (2,).
        shift: of either, (2,).
    """

    amplitude: Float[np.ndarray, "frames 2"]
    steepness: Float[np.ndarray, "2"]
    shift: Float[np.ndarray, "2"]

    def apply(self, u: Array, v: Array, frame: np.ndarray) -> tuple[Array, Array]:
        """Material to bent coordinates."""
        u = u + self._shear(0, v, frame)
        return u, v + self._shear(1, u, frame)

    def undo(self, u: Array, v: Array, frame: np.ndarray) -> tuple[Array, Array]:
        """Bent to material coordinates: the shears are taken back in the opposite order."""
        v = v - self._shear(1, u, frame)
        return u - self._shear(0, v, frame), v

    def _shear(self, axis: int, along: Array, frame: np.ndarray) -> Array:
        s = self.steepness[axis] * along + self.shift[axis]
        return 2 * self.amplitude[frame, axis] * (s / (1 + s * s))


@dataclass(frozen=True)
class Motion:
    """Where the points of one surface are in every frame: ``affine`` after ``bend``.

    Attributes:
        affine: bent coordinates to world, (F, 2, 3).
        inverse: world to bent coordinates, (F, 2, 3).
        bend: the deformation, or None for a surface that stays affine.
    """

    affine: Affine
    inverse: Affine
    bend: Bend | None

    def place(self, u: Array, v: Array, frame: np.ndarray) -> tuple[Array, Array]:
        """World position in ``frame`` of the material points (u, v)."""
        if self.bend is not None:
            u, v = self.bend.apply(u, v, frame)
        return transform(self.affine, u, v, frame)

    def locate(self, x: Array, y: Array, frame: np.ndarray) -> tuple[Array, Array]:
        """Material points that are at the world position (x, y) in ``frame``."""
        u, v = transform(self.inverse, x, y, frame)
        return (u, v) if self.bend is None else self.bend.undo(u, v, frame)


def moving(affine: Affine, bend: Bend | None) -> Motion:
    """A motion with its inverse worked out."""
    return Motion(affine, invert(affine), bend)
