"""The warping toy's pictures: a pattern, a flow, and the pattern after it (claims C9 and C10).

A texture is a random function of the plane, a sum of cubic B-splines, that can be looked up
anywhere: the truth is the same function at other places, with no interpolation of pixels in it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

SIDE_PX = 32
CELL_PX = 3.0  # distance of a texture's B-splines
SHORTEST_PX, LONGEST_PX = 0.5, 8.0  # of the displacements
RADII_PX = (6.0, 10.0)
_MARGIN_PX = 12.0  # texture beyond the picture: what comes into view
_KNOTS = int(np.ceil((SIDE_PX + 2 * _MARGIN_PX) / CELL_PX)) + 3
_ORDERS = np.arange(2, 5, dtype=np.float32)  # waves of an outline around the object


@dataclass(frozen=True)
class Patterns:
    """B patterns before and after their motion; float32 but for the regions, which are bool.

    Attributes:
        before: (B, 1, H, W), of order one.
        flow: forward flow of its pixels, (B, 2, H, W), px.
        after: (B, 1, H, W).
        told: (B, 1, H, W), True where ``after`` shows what ``before`` showed already: neither
            from beyond the picture nor from behind the object.
        arrived: (B, 1, H, W), those of them that the motion brought something to.
    """

    before: Float[ndarray, "batch 1 height width"]
    flow: Float[ndarray, "batch 2 height width"]
    after: Float[ndarray, "batch 1 height width"]
    told: Bool[ndarray, "batch 1 height width"]
    arrived: Bool[ndarray, "batch 1 height width"]


@dataclass(frozen=True)
class Motions:
    """What B patterns are made of.

    Attributes:
        textures: B-spline coefficients of what moves and of what stays, (B, 2, knots, knots).
        displacements: (B, 2), px, x and y.
        centres: of the objects before the motion, (B, 2), px.
        radii: of the objects, (B,), px; infinite where everything moves.
        waves: heights and phases of the outlines, (B, 2, orders).
    """

    textures: Float[ndarray, "batch 2 knots knots"]
    displacements: Float[ndarray, "batch 2"]
    centres: Float[ndarray, "batch 2"]
    radii: Float[ndarray, "batch"]
    waves: Float[ndarray, "batch 2 orders"]


def draw_motions(generator: np.random.Generator, uniform: Bool[ndarray, "batch"]) -> Motions:
    """Random textures, displacements and objects.

    Args:
        generator: of the random numbers.
        uniform: where everything moves; elsewhere an object does, over a still background.
    """
    size = len(uniform)
    lengths = generator.uniform(SHORTEST_PX, LONGEST_PX, size)
    angles = generator.uniform(0, 2 * np.pi, size)
    displacements = lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # Half the way before the picture's middle and half behind it: the object stays in view.
    middle = (SIDE_PX - 1) / 2 - displacements / 2
    return Motions(
        textures=generator.normal(size=(size, 2, _KNOTS, _KNOTS)) * 1.5,
        displacements=displacements,
        centres=middle + generator.uniform(-3, 3, (size, 2)),
        radii=np.where(uniform, np.inf, generator.uniform(*RADII_PX, size)),
        waves=np.stack(
            [
                generator.uniform(0.0, 0.12, (size, len(_ORDERS))),
                generator.uniform(0, 2 * np.pi, (size, len(_ORDERS))),
            ],
            axis=1,
        ),
    )


def render(motions: Motions) -> Patterns:
    """Patterns before and after their motion."""
    rest = np.zeros_like(motions.displacements)
    moving, still = motions.textures[:, 0], motions.textures[:, 1]
    there, landed = _covers(motions, rest), _covers(motions, motions.displacements)
    background = _texture(still, rest)
    before = np.where(there, _texture(moving, rest), background)
    after = np.where(landed, _texture(moving, motions.displacements), background)
    arrived = landed & _came_from_within(motions.displacements)
    told = arrived | ~(landed | there)
    flow = there[:, None] * motions.displacements[:, :, None, None]
    return Patterns(
        before[:, None].astype(np.float32),
        flow.astype(np.float32),
        after[:, None].astype(np.float32),
        told[:, None],
        arrived[:, None],
    )


def _texture(
    knots: Float[ndarray, "batch knots knots"], displacements: Float[ndarray, "batch 2"]
) -> Float[ndarray, "batch height width"]:
    """The random function at every pixel's position before the displacement."""
    across, down = (_splines(displacements[:, axis]) for axis in (0, 1))
    return down @ knots @ across.swapaxes(1, 2)


def _splines(displacement: Float[ndarray, "batch"]) -> Float[ndarray, "batch side knots"]:
    """Weight of each cubic B-spline at each pixel of a line."""
    places = np.arange(SIDE_PX) - displacement[:, None] + _MARGIN_PX
    away = np.abs(places[..., None] / CELL_PX + 1 - np.arange(_KNOTS))
    near = 2 / 3 - away * away * (1 - away / 2)
    rest = np.maximum(2 - away, 0)
    return np.where(away < 1, near, rest * rest * rest / 6)


def _covers(
    motions: Motions, displacements: Float[ndarray, "batch 2"]
) -> Bool[ndarray, "batch height width"]:
    """Where the moving thing is after a displacement."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32)
    centres = (motions.centres + displacements).astype(np.float32)
    from_x, from_y = centres.T[:, :, None, None]
    angle, distance = np.arctan2(y - from_y, x - from_x), np.hypot(x - from_x, y - from_y)
    heights, phases = motions.waves.astype(np.float32).swapaxes(0, 1)[..., None, None]
    waves = heights * np.cos(_ORDERS[:, None, None] * angle[:, None] + phases)
    return distance < motions.radii[:, None, None] * (1 + waves.sum(axis=1))


def _came_from_within(
    displacements: Float[ndarray, "batch 2"],
) -> Bool[ndarray, "batch height width"]:
    """Where what arrives was in the picture before."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    dx, dy = displacements.T[:, :, None, None]
    inside = [(at - by >= 0) & (at - by <= SIDE_PX - 1) for at, by in ((x, dx), (y, dy))]
    return inside[0] & inside[1]
