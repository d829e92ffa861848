"""A trained refinement behind the one protocol (report, section 3)."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from flowmend.fills import Fill
from flowmend.networks.refinement import Refiner
from flowmend.types import BothFlows, Clip, Completion, Confidence, Hole

REACH_PX = 8  # of one refinement step's convolutions, from encoder to decoder

Window = tuple[slice, slice]


class IterativeInpainter:
    """Fills the hole, refines the fill step by step, and keeps what was known.

    Only a window around the hole is refined, wide enough for one step's motion and convolutions:
    known pixels never change, so that nothing comes from further away. (The median speed that
    splatting compares with is the window's.)

    Args:
        refiner: trained.
        fill: the initial fill that it was trained on.
        steps: refinement steps, any number.
        device: where it runs.
        self_ensemble: True takes the mean with the mended reverse of the clip in time.
    """

    def __init__(
        self,
        refiner: Refiner,
        fill: Fill,
        steps: int,
        device: str = "cpu",
        self_ensemble: bool = False,
    ) -> None:
        self._refiner = refiner.to(device).eval()
        self._fill, self._steps, self._device = fill, steps, device
        self._self_ensemble = self_ensemble

    def __call__(self, clip: Clip) -> Completion:
        """Mend a clip, with or without a batch dimension."""
        return self.trace(clip)[-1]

    @torch.inference_mode()
    def trace(self, clip: Clip) -> list[Completion]:
        """The completion after 0, 1, … steps; the first is the initial fill."""
        seen = clip.hidden()
        single = seen.hole.dim() == 3
        hole = seen.hole[None] if single else seen.hole
        both = [self._filled(flow, seen) for flow in (seen.forward, seen.backward)]
        filled = torch.stack([flow[None] if single else flow for flow in both], dim=2)
        window = window_around(hole, math.ceil(_fastest(filled)) + REACH_PX)
        inside = (part[(..., *window)].to(self._device) for part in (filled, hole))
        traced = [Completion(both[0], both[1], (~seen.hole).to(filled))]
        for flows, confidence in self._steps_of(*inside):
            mended = _within(window, filled, hole, flows, confidence)
            traced.append(Completion(*(part[0] if single else part for part in mended)))
        return traced

    def _steps_of(self, filled: BothFlows, hole: Hole) -> Iterator[tuple[BothFlows, Confidence]]:
        """Flows and confidence of a window after each step."""
        if self._self_ensemble:
            filled = torch.cat([filled, _reversed_in_time(filled)])
            hole = torch.cat([hole, hole.flip(1)])
        state = self._refiner.start(filled, hole)
        for _ in range(self._steps):
            state = self._refiner.step(state, hole)
            flows, confidence = state.flows, state.confidence
            if self._self_ensemble:
                (flows, mirrored), (confidence, doubted) = flows.chunk(2), confidence.chunk(2)
                flows = (flows + _reversed_in_time(mirrored)) / 2
                confidence = (confidence + doubted.flip(1)) / 2
            yield flows, confidence

    def _filled(self, flow: Tensor, clip: Clip) -> Tensor:
        return torch.from_numpy(self._fill(flow.cpu().numpy(), clip.hole.cpu().numpy())).to(flow)


def window_around(hole: Hole, margin_px: int) -> Window:
    """Rows and columns that hold every hole of a batch, and a margin inside the frame."""
    rows, columns = (torch.nonzero(hole.any(dim).flatten(0, -2).any(0)) for dim in (-1, -2))
    return _span(rows, margin_px, hole.shape[-2]), _span(columns, margin_px, hole.shape[-1])


def _span(lines: Tensor, margin_px: int, side: int) -> slice:
    if not len(lines):
        return slice(0, side)
    first, last = int(lines.min()), int(lines.max())
    return slice(max(first - margin_px, 0), min(last + 1 + margin_px, side))


def _fastest(flows: Tensor) -> float:
    return float(flows.square().sum(-3).max().sqrt())


def _reversed_in_time(flows: BothFlows) -> BothFlows:
    """The clip run backwards: the last frame first, forward flow for backward."""
    return flows.flip(1, 2)


def _within(
    window: Window, filled: BothFlows, hole: Hole, flows: BothFlows, confidence: Confidence
) -> tuple[Tensor, Tensor, Tensor]:
    """A window's flow in the hole, what was known elsewhere, and the confidence of both."""
    whole, trust = filled.clone(), torch.ones_like(hole, dtype=filled.dtype)
    whole[(..., *window)] = flows.to(filled)
    trust[(..., *window)] = confidence.to(filled)
    mended = torch.where(hole[:, :, None, None], whole, filled)
    return mended[:, :, 0], mended[:, :, 1], trust
