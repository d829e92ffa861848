"""Holes: four shapes, put where the flow changes, fixed by seed, clip and shape alone."""

import hashlib
import zlib
from collections.abc import Iterable, Mapping

import numpy as np

from flowmend.errors import InputError
from flowmend.holes.bias import place
from flowmend.holes.patterns import Sides, ellipse, object_shaped, rectangle, stroke
from flowmend.holes.setups import setup_frames
from flowmend.io.packed_maps import PackedMaps

HOLES_VERSION = 1
"""Raised whenever the same seed would give other holes."""

# The numbers are part of the seed: they must not depend on which shapes are asked for.
SHAPE_NUMBERS = {"rectangle": 0, "ellipse": 1, "stroke": 2, "object": 3}
_DRAWN = {"rectangle": rectangle, "ellipse": ellipse, "stroke": stroke}


def draw_hole(
    shape: str,
    clip: str,
    flow: np.ndarray,
    seed: int,
    sides: Sides,
    segmentations: Mapping[str, np.ndarray],
) -> np.ndarray:
    """One biased hole (report, 2.1.3), the same for all frames of a clip.

    Args:
        shape: one of :data:`SHAPE_NUMBERS`.
        clip: the clip's name; the hole depends on it, not on the clip's place among others.
        flow: forward flow of the clip's first flow frame, (2, H, W), px.
        seed: ``holes.seed``.
        sides: shortest and longest side of the hole's bounding box, px.
        segmentations: object ids (h, w) by clip, of any size, for the object-shaped hole: another
            clip's object is taken; the clip's own only where there is no other clip.

    Returns:
        bool (H, W), neither empty nor touching the frame's edge.

    Raises:
        InputError: the hole does not fit the frame, or no clip has an object to take.
    """
    rng = np.random.default_rng([seed, zlib.crc32(clip.encode()), SHAPE_NUMBERS[shape]])
    if shape == "object":
        others = [segmentations[name] for name in sorted(segmentations) if name != clip]
        pattern = object_shaped(rng, sides, others or list(segmentations.values()))
    else:
        pattern = _DRAWN[shape](rng, sides)
    if pattern is None:
        raise InputError(
            f"hole of clip {clip}",
            "no clip beside it has a segmented object whose shape it could take",
            "remove object from holes.shapes, or give segmentations",
        )
    return place(pattern, flow, rng)


def holes_digest(shards: Iterable[PackedMaps]) -> str:
    """SHA-256 (hex) that identifies a set of holes, however it is cut into shards."""
    one_by_one = {
        (name, label): (maps, n, s)
        for maps in shards
        for n, name in enumerate(maps.names)
        for s, label in enumerate(maps.labels)
    }
    digest = hashlib.sha256()
    for (name, label), (maps, n, s) in sorted(one_by_one.items(), key=lambda item: item[0]):
        head = f"{maps.version}|{name}|{label}|{maps.shape[2:]}|"
        digest.update(head.encode() + maps.bits[n, s].tobytes())
    return digest.hexdigest()


__all__ = ["HOLES_VERSION", "SHAPE_NUMBERS", "draw_hole", "holes_digest", "setup_frames"]
