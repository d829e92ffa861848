"""A figure that moves: its states as an animated GIF, the same states giving the same bytes."""

import io
from collections.abc import Iterable

import numpy as np
from jaxtyping import Int, UInt8
from matplotlib.figure import Figure
from numpy import ndarray
from PIL import Image

from flowmend.figures.style import encode

DOTS_PER_INCH = 80
STATE_MS, LAST_MS = 900, 2700
_RARE = 1 / 3  # a colour counts by this power of its pixels: few of them belong to flow


def animate(states: Iterable[Figure]) -> bytes:
    """One picture a state, in a loop that rests on the last.

    Args:
        states: figures of one size; the same figure may come again, changed.

    Returns:
        A GIF, with one palette for all pictures.
    """
    encoded = [encode(state, DOTS_PER_INCH) for state in states]
    pictures = [np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for png in encoded]
    first, *rest = _reduced(np.stack(pictures))
    buffer = io.BytesIO()
    first.save(
        buffer, "GIF", save_all=True, append_images=rest, loop=0, optimize=False,
        duration=[STATE_MS] * len(rest) + [LAST_MS],
    )  # fmt: skip
    return buffer.getvalue()


def _reduced(pictures: UInt8[ndarray, "states height width 3"]) -> list[Image.Image]:
    """The pictures in the 256 colours of one palette; each pixel takes the nearest."""
    red, green, blue = np.moveaxis(pictures.astype(np.int32), -1, 0)
    packed, where, pixels = np.unique(
        red << 16 | green << 8 | blue, return_inverse=True, return_counts=True
    )
    colours = np.stack((packed >> 16, packed >> 8 & 255, packed & 255), -1)
    palette = _palette(colours, pixels)
    away = colours[:, None].astype(np.float32) - palette
    nearest = np.square(away).sum(-1).argmin(1).astype(np.uint8)
    reduced = [Image.fromarray(each) for each in nearest[where].reshape(pictures.shape[:3])]
    for each in reduced:
        each.putpalette(palette.tobytes())
    return reduced


def _palette(
    colours: Int[ndarray, "colours 3"], pixels: Int[ndarray, " colours"]
) -> UInt8[ndarray, "256 3"]:
    """White, and 255 that come near all colours; pixels of each say how much it counts."""
    sample = np.repeat(colours.astype(np.uint8), np.ceil(pixels**_RARE).astype(int), axis=0)
    found = Image.fromarray(sample[None]).quantize(255, Image.Quantize.MEDIANCUT, kmeans=3)
    palette = np.full((256, 3), 255, np.uint8)
    chosen = np.array(found.getpalette(), np.uint8).reshape(-1, 3)[:255]
    palette[1 : 1 + len(chosen)] = chosen
    return palette
