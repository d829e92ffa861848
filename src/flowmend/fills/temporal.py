"""Interpolation in time: each pixel from the nearest frames in which it is known."""

import numpy as np

from flowmend.fills.harmonic import fill_smooth


def fill_temporal(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Linear interpolation between the nearest known frames before and after, pixel by pixel.

    With a known frame on one side only, its value is held. A pixel that is in the hole in every
    frame has nothing in time: it gets the smooth fill of what stands around it by then.

    Args:
        flow: (…, T, 2, H, W), px; what is in the hole is not read.
        hole: (…, T, H, W) bool, or (H, W) when all frames share it.

    Returns:
        float32 (…, T, 2, H, W), equal to ``flow`` outside the hole.
    """
    holes = np.broadcast_to(hole, (*flow.shape[:-3], *flow.shape[-2:]))
    clips = flow.reshape(-1, *flow.shape[-4:])
    filled = [_interpolate(*clip) for clip in zip(clips, holes.reshape(-1, *holes.shape[-3:]))]
    never = np.broadcast_to(holes.all(axis=-3, keepdims=True), holes.shape)
    return fill_smooth(np.stack(filled).reshape(flow.shape), never)


def _interpolate(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """One clip (T, 2, H, W), hole (T, H, W)."""
    frames = np.arange(len(flow))[:, None, None]
    before = np.maximum.accumulate(np.where(hole, -1, frames), axis=0)
    after = np.minimum.accumulate(np.where(hole, len(flow), frames)[::-1], axis=0)[::-1]
    before, after = np.where(before < 0, after, before), np.where(after == len(flow), before, after)
    before, after = (np.clip(at, 0, len(flow) - 1) for at in (before, after))
    share = (frames - before) / np.maximum(after - before, 1)
    earlier, later = (np.take_along_axis(flow, at[:, None], axis=0) for at in (before, after))
    between = earlier + share[:, None] * (later - earlier)
    return np.where(hole[:, None], between, flow).astype(np.float32)
