"""The sanity check of the forward–backward error: it alone teaches b_{t+1} from f_t (2.2.3)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.geometry.derivatives import safe_norm
from flowmend.geometry.warp import warp
from flowmend.losses.reconstruction import l1
from flowmend.training.ahead import one_ahead
from flowmend.training.symmetries import OF_A_SQUARE, OF_AN_OBLONG, flow_action, turned_back
from flowmend.types import Flow

FIELDS = 4  # of a pair: forward x, y; backward x, y
_ORDER, _VIEW = 0, 1  # streams of random numbers
_SHARE = 0.75  # of a frame's sides that a window has
_STEP_PX = 8  # the sides of windows are multiples of it, as the networks like them


@dataclass(frozen=True)
class PairBatch:
    """B pairs of consecutive frames, channels-last in memory.

    Attributes:
        forward: true flow from frame t to t+1, (B, 2, H, W), px.
        backward_next: true flow from frame t+1 to t, same shape; the loss does not look at it.
    """

    forward: Flow
    backward_next: Flow

    def to(self, device: torch.device | str) -> "PairBatch":
        """The batch on another device."""
        return PairBatch(self.forward.to(device), self.backward_next.to(device))


class BackwardFlow:
    """Every pair (f_t, b_{t+1}) once an epoch in random order, each batch under a random symmetry.

    A pair played backwards is a pair too: time reversal swaps the two fields. Of each frame a
    step sees a random window of three quarters of its sides, at half of its cost.

    Args:
        flows: truth, (N, T, 2 directions [forward, backward], 2, H, W), px, T at least 2.
        size: B.
        seed: of order, windows and symmetries.

    Attributes:
        window: height and width of the windows, px.

    Raises:
        ValueError: the clips are too short to hold a pair.
    """

    def __init__(
        self, flows: Float[np.ndarray, "clips frames 2 2 height width"], size: int, seed: int
    ) -> None:
        clips, frames, _, _, *sides = flows.shape
        if frames < 2:
            raise ValueError(f"a pair takes two frames, the clips have {frames}")
        self.window = _window(sides[0]), _window(sides[1])
        self._spare = [side - part + 1 for side, part in zip(sides, self.window)]
        self._flows, self._size, self._seed = flows, size, seed
        self._pairs = [(clip, t) for clip in range(clips) for t in range(frames - 1)]
        self._epoch, self._order = -1, np.empty(0, int)

    def __getitem__(self, step: int) -> PairBatch:
        """The batch of one training step."""
        generator = np.random.default_rng([self._seed, _VIEW, step])
        square = self.window[0] == self.window[1]
        symmetry = int(generator.integers(OF_A_SQUARE if square else OF_AN_OBLONG))
        corners = generator.integers(self._spare, size=(self._size, 2))
        maps = np.empty((self._size, *self.window, FIELDS), np.float32)
        turned = turned_back(maps, symmetry)
        for k, (top, left) in enumerate(corners):
            clip, t = self._pair(step * self._size + k)
            window = slice(top, top + self.window[0]), slice(left, left + self.window[1])
            turned[k, ..., :2] = np.moveaxis(self._flows[clip, t, 0, :, *window], 0, -1)
            turned[k, ..., 2:] = np.moveaxis(self._flows[clip, t + 1, 1, :, *window], 0, -1)
        pair = torch.from_numpy(maps @ flow_action(symmetry, frames=1)).movedim(-1, 1)
        return PairBatch(pair[:, :2], pair[:, 2:])

    def between(self, first: int, last: int) -> Iterator[PairBatch]:
        """Batches of the steps ``first`` to ``last`` − 1; a thread makes one ahead."""
        return one_ahead(self.__getitem__, first, last)

    def predict(self, model: nn.Module, batch: PairBatch) -> Flow:
        """Predicted b_{t+1}, (B, 2, H, W), px."""
        predicted: Flow = model(batch.forward)
        return predicted

    def terms(self, prediction: Flow, batch: PairBatch) -> dict[str, Tensor]:
        """Two losses, px.

        ``forward_backward``: mean ‖f_t(x) + b_{t+1}(x + f_t(x))‖₂ of the true f_t; points that
        leave the window say nothing about what is in it and do not count. ``l1``: distance to the
        true b_{t+1}, which the report's check does not train on.
        """
        back, inside = warp(prediction, batch.forward)
        error = safe_norm(batch.forward + back, dim=-3) * inside
        return {
            "forward_backward": error.sum() / inside.sum().clamp(min=1),
            "l1": l1(prediction, batch.backward_next),
        }

    def _pair(self, number: int) -> tuple[int, int]:
        epoch, place = divmod(number, len(self._pairs))
        if epoch != self._epoch:
            generator = np.random.default_rng([self._seed, _ORDER, epoch])
            self._epoch, self._order = epoch, generator.permutation(len(self._pairs))
        return self._pairs[self._order[place]]


def _window(side: int) -> int:
    return min(side, max(1, round(_SHARE * side / _STEP_PX)) * _STEP_PX)
