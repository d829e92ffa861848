"""What a frame gets from the frames before and after it: looked up, pushed, or taken in place.

Maps of one clip's frames come and go as (B, T, K, H, W); the frame before the first and the one
after the last are missing: nothing arrives from there, with confidence 0.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from flowmend.geometry.relative_speed import relative_speed
from flowmend.geometry.splat import splat
from flowmend.geometry.warp import warp
from flowmend.loops.pushing import NOTHING
from flowmend.networks.looking_up import looked_up
from flowmend.networks.pixels import takes
from flowmend.networks.pushing import pushed
from flowmend.networks.sending import BothWays, received, sent
from flowmend.types import BothFlows

Maps = Float[Tensor, "batch frames maps height width"]
Trust = Float[Tensor, "batch frames 1 height width"]

FASTEST = 8.0  # px beyond the frame's median speed that still count when fast goes before slow


class Arrivals(NamedTuple):
    """What arrived in each frame.

    Attributes:
        maps: (B, T, K, H, W).
        confidence: (B, T, 1, H, W) in [0, 1].
    """

    maps: Maps
    confidence: Trust


class Frames(NamedTuple):
    """What all frames send: maps, how far they are trusted, and where they move.

    Attributes:
        maps: (B, T, K, H, W).
        confidence: (B, T, 1, H, W) in [0, 1].
        flows: forward and backward, px.
    """

    maps: Maps
    confidence: Trust
    flows: BothFlows


class Ways(NamedTuple):
    """From the previous frame, and from the next."""

    previous: Arrivals
    following: Arrivals


def warped(frames: Frames, eagerness: Tensor) -> Ways:
    """Neighbours looked up where the frame's own decoded flow points (report, 3.2.2, 3.3.3).

    In the hole that flow is still wrong. What falls outside the frame has confidence 0.
    ``eagerness`` is not used.
    """
    if takes(*frames):
        both = looked_up(frames.maps, frames.confidence, frames.flows.flatten(2, 3))
        return Ways(*(Arrivals(*way) for way in both))
    return _warped_map_by_map(frames)


def _warped_map_by_map(frames: Frames) -> Ways:
    flow = torch.stack((frames.flows[:, 1:, 1], frames.flows[:, :-1, 0]))
    maps = sent(frames.maps, frames.confidence)
    # Half precision knows positions of a large map to a whole pixel only.
    precise = torch.promote_types(flow.dtype, torch.float32)
    arrived, inside = warp(maps.to(precise), flow.to(precise))
    maps, confidence = arrived.to(maps.dtype).split([maps.shape[3] - 1, 1], dim=3)
    return _arrived(maps, confidence * inside.unsqueeze(3))


def splatted(frames: Frames, eagerness: Tensor) -> Ways:
    """Neighbours pushed along their own flow, which is true wherever they are known.

    Where several pixels land, they are averaged with weight ``confidence · exp(eagerness · speed
    relative to the frame's median)``: what moves against the rest is in front. A place has the
    confidence of what landed there. Positions are taken as given: no gradient reaches them.
    """
    flows = frames.flows.detach()
    flow = torch.stack((flows[:, :-1, 0], flows[:, 1:, 1]))
    boost = torch.exp(eagerness * relative_speed(flow, FASTEST))
    if takes(frames.maps, frames.confidence, boost, flows):
        both = pushed(frames.maps, frames.confidence, boost, flows.flatten(2, 3))
        return Ways(*(Arrivals(*way) for way in both))
    return _splatted_map_by_map(frames, boost, flow)


def _splatted_map_by_map(frames: Frames, boost: Tensor, flow: Tensor) -> Ways:
    maps, confidence = sent(frames.maps, frames.confidence).split([frames.maps.shape[2], 1], dim=3)
    weight = confidence * boost
    sums = splat(torch.cat([maps * weight, weight, confidence], dim=3), flow)
    sums, weights, landed = sums.split([maps.shape[3], 1, 1], dim=3)
    # Times the inverse, of one map: dividing all of them takes three more passes to undo.
    return _arrived(sums * weights.clamp(min=NOTHING).reciprocal(), landed.clamp(max=1.0))


def unmoved(frames: Frames, eagerness: Tensor) -> Ways:
    """Neighbours as they lie, warping off; ``eagerness`` is not used."""
    return _arrived(sent(frames.maps), sent(frames.confidence))


NEIGHBOURS: dict[str, Callable[[Frames, Tensor], Ways]] = {
    "warped": warped,
    "splatted": splatted,
    "unmoved": unmoved,
}


def _arrived(maps: BothWays, confidence: BothWays) -> Ways:
    """To all T frames: the first has no previous one, the last no next one."""
    return Ways(*(Arrivals(*way) for way in zip(received(maps), received(confidence))))
