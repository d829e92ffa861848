"""What a frame gets from the frames before and after it: looked up, pushed, or taken in place.

Maps of one clip's frames come and go as (B, T, K, H, W); the frame before the first and the one
after the last are missing: nothing arrives from there, with confidence 0.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from flowmend.geometry.splat import splat
from flowmend.geometry.warp import warp
from flowmend.types import BothFlows

Maps = Float[Tensor, "batch frames maps height width"]
Trust = Float[Tensor, "batch frames 1 height width"]

FASTEST = 8.0  # px beyond the frame's median speed that still count when fast goes before slow
_NOTHING = 1e-6


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
    backward, forward = frames.flows[:, 1:, 1], frames.flows[:, :-1, 0]
    sent = torch.cat([frames.maps, frames.confidence], dim=2)
    return _both(_look_up(sent[:, :-1], backward), _look_up(sent[:, 1:], forward))


def splatted(frames: Frames, eagerness: Tensor) -> Ways:
    """Neighbours pushed along their own flow, which is true wherever they are known.

    Where several pixels land, they are averaged with weight ``confidence · exp(eagerness · speed
    relative to the frame's median)``: what moves against the rest is in front. A place has the
    confidence of what landed there. Positions are taken as given: no gradient reaches them.
    """
    flows = frames.flows.detach()
    return _both(
        _push(frames.maps[:, :-1], frames.confidence[:, :-1], flows[:, :-1, 0], eagerness),
        _push(frames.maps[:, 1:], frames.confidence[:, 1:], flows[:, 1:, 1], eagerness),
    )


def unmoved(frames: Frames, eagerness: Tensor) -> Ways:
    """Neighbours as they lie, warping off; ``eagerness`` is not used."""
    return _both(
        Arrivals(frames.maps[:, :-1], frames.confidence[:, :-1]),
        Arrivals(frames.maps[:, 1:], frames.confidence[:, 1:]),
    )


NEIGHBOURS: dict[str, Callable[[Frames, Tensor], Ways]] = {
    "warped": warped,
    "splatted": splatted,
    "unmoved": unmoved,
}


def _look_up(sent: Maps, flow: Tensor) -> Arrivals:
    # Half precision knows positions of a large map to a whole pixel only.
    precise = torch.promote_types(flow.dtype, torch.float32)
    arrived, inside = warp(sent.to(precise), flow.to(precise))
    maps, confidence = arrived.to(sent.dtype).split([sent.shape[2] - 1, 1], dim=2)
    return Arrivals(maps, confidence * inside.unsqueeze(2))


def _push(maps: Maps, confidence: Trust, flow: Tensor, eagerness: Tensor) -> Arrivals:
    weight = confidence * torch.exp(eagerness * _relative_speed(flow))
    sent = torch.cat([maps * weight, weight, confidence], dim=2)
    sums, weights, landed = splat(sent, flow).split([maps.shape[2], 1, 1], dim=2)
    # Times the inverse, of one map: dividing all of them takes three more passes to undo.
    return Arrivals(sums * weights.clamp(min=_NOTHING).reciprocal(), landed.clamp(max=1.0))


def _relative_speed(flow: Tensor) -> Tensor:
    """Length of the flow less its frame's median, px, (B, t, 1, H, W)."""
    median = flow.flatten(-2).median(dim=-1).values[..., None, None]
    return (flow - median).square().sum(2, keepdim=True).sqrt().clamp(max=FASTEST)


def _both(before: Arrivals, after: Arrivals) -> Ways:
    """To all T frames: the first has no previous one, the last no next one."""
    return Ways(
        Arrivals(*(functional.pad(part, (0, 0, 0, 0, 0, 0, 1, 0)) for part in before)),
        Arrivals(*(functional.pad(part, (0, 0, 0, 0, 0, 0, 0, 1)) for part in after)),
    )
