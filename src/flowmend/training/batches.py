"""Batches of holed clips, the same for the same (seed, step) wherever a run was cut off."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowmend.datasets.clip_set import ClipSet
from flowmend.holes import setup_frames
from flowmend.training.symmetries import OF_A_SQUARE, OF_AN_OBLONG, flow_action, turned_back
from flowmend.training.windows import corner, window_px

CHANNELS = 4  # of a frame: forward x, y; backward x, y
_ORDER, _SYMMETRY = 0, 1  # streams of random numbers


@dataclass(frozen=True)
class Batch:
    """B windows around holes, channels-last in memory.

    Attributes:
        truth: (B, T, 2 directions [forward, backward], 2, h, w), px.
        filled: the same with the initial fill in the holes.
        hole: bool (B, T, h, w).
    """

    truth: Tensor
    filled: Tensor
    hole: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""
        return Batch(self.truth.to(device), self.filled.to(device), self.hole.to(device))


class Batches:
    """Every (clip, hole shape) once an epoch in random order, each batch under a random symmetry.

    Args:
        clips: the training clips.
        shapes: hole shapes to draw from.
        fill: ``zero`` or a stored fill.
        setup: which frames are hidden.
        size: B.
        seed: of order and symmetries.

    Attributes:
        hidden: the frames that the setup hides.
        window: height and width of the windows, px.
    """

    def __init__(
        self, clips: ClipSet, shapes: Sequence[str], fill: str, setup: str, size: int, seed: int
    ) -> None:
        count, self._frames, _, _, height, width = clips.flow.shape
        # Pixel by pixel, as the networks and the stored fills have it: windows and holes are then
        # a few long copies.
        self._flow = np.moveaxis(clips.flow.reshape(count, -1, height, width), 1, -1).copy()
        self._clips, self._fill, self._size, self._seed = clips, fill, size, seed
        self._hides = setup_frames(setup, self._frames)
        frames = np.flatnonzero(self._hides)
        self.hidden = slice(int(frames[0]), int(frames[-1]) + 1)
        numbers = [clips.shapes.index(shape) for shape in shapes]
        self.window = window_px(clips.holes[:, numbers])
        self._cases = [(clip, shape) for clip in range(count) for shape in numbers]
        self._corners = {case: corner(clips.holes[case], self.window) for case in self._cases}
        self._epoch, self._order = -1, np.empty(0, int)

    def __getitem__(self, step: int) -> Batch:
        """The batch of one training step."""
        cases = [self._case(step, k) for k in range(self._size)]
        symmetry = self._symmetry(step)
        flows = np.empty((2, len(cases), *self.window, self._flow.shape[-1]), np.float32)
        hole = np.empty((len(cases), *self.window), np.bool_)
        self._cut(cases, *(turned_back(maps, symmetry) for maps in (*flows, hole)))
        truth, filled = torch.from_numpy(flows @ flow_action(symmetry, self._frames))
        hidden = torch.from_numpy(self._hides)[:, None, None]
        return Batch(
            self._by_frame(truth), self._by_frame(filled), torch.from_numpy(hole)[:, None] & hidden
        )

    def between(self, first: int, last: int) -> Iterator[Batch]:
        """Batches of the steps ``first`` to ``last`` − 1; a thread makes one ahead."""
        with ThreadPoolExecutor(1) as worker:
            upcoming = [worker.submit(self.__getitem__, step) for step in range(first, last)[:1]]
            for step in range(first, last):
                batch = upcoming.pop().result()
                if step + 1 < last:
                    upcoming.append(worker.submit(self.__getitem__, step + 1))
                yield batch

    def _cut(
        self,
        cases: Sequence[tuple[int, int]],
        truth: np.ndarray,
        filled: np.ndarray,
        hole: np.ndarray,
    ) -> None:
        """Write the windows of some cases to (B, h, w, channels) twice and (B, h, w)."""
        height, width = self.window
        for k, case in enumerate(cases):
            top, left = self._corners[case]
            rows, columns = slice(top, top + height), slice(left, left + width)
            truth[k] = self._flow[case[0], rows, columns]
            hole[k] = self._clips.holes[case][rows, columns]
        filled[:] = truth
        filled[hole] = np.concatenate([self._values(*case) for case in cases])
        if not self._hides.all():
            visible = np.repeat(~self._hides, CHANNELS)
            filled[..., visible] = truth[..., visible]

    def _values(self, clip: int, shape: int) -> np.ndarray:
        """What the fill puts in a hole, (P, channels)."""
        values = self._clips.hole_values(clip, shape, self._fill)
        return values.reshape(len(values), -1)

    def _by_frame(self, flow: Tensor) -> Tensor:
        return flow.movedim(-1, 1).unflatten(1, (self._frames, 2, 2))

    def _case(self, step: int, k: int) -> tuple[int, int]:
        epoch, place = divmod(step * self._size + k, len(self._cases))
        if epoch != self._epoch:
            generator = np.random.default_rng([self._seed, _ORDER, epoch])
            self._epoch, self._order = epoch, generator.permutation(len(self._cases))
        return self._cases[self._order[place]]

    def _symmetry(self, step: int) -> int:
        count = OF_A_SQUARE if self.window[0] == self.window[1] else OF_AN_OBLONG
        return int(np.random.default_rng([self._seed, _SYMMETRY, step]).integers(count))
