"""Batches of holed clips, the same for the same (seed, step) wherever a run was cut off."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowmend.datasets.clip_set import ClipSet
from flowmend.holes import setup_frames

SYMMETRIES = 16  # two flips, transposition, time reversal


@dataclass(frozen=True)
class Batch:
    """B clips under one setup.

    Attributes:
        truth: (B, T, 2 directions, 2, H, W), px.
        filled: the same with the initial fill in the holes.
        hole: bool (B, T, H, W).
    """

    truth: Tensor
    filled: Tensor
    hole: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""
        return Batch(self.truth.to(device), self.filled.to(device), self.hole.to(device))


class Batches:
    """Every (clip, hole shape) once an epoch, in random order, under a random symmetry.

    Args:
        clips: the training clips.
        shapes: hole shapes to draw from.
        fill: ``zero`` or a stored fill.
        setup: which frames are hidden.
        size: B.
        seed: of order and symmetries.
    """

    def __init__(
        self, clips: ClipSet, shapes: Sequence[str], fill: str, setup: str, size: int, seed: int
    ) -> None:
        self._clips, self._fill, self._size, self._seed = clips, fill, size, seed
        numbers = [clips.shapes.index(shape) for shape in shapes]
        self._cases = [(clip, shape) for clip in range(len(clips.names)) for shape in numbers]
        self._hidden = setup_frames(setup, clips.flow.shape[1])
        self._epoch, self._order = -1, np.empty(0, int)

    def __getitem__(self, step: int) -> Batch:
        """The batch of one training step."""
        parts = [self._example(step * self._size + k) for k in range(self._size)]
        truth, filled, hole = (torch.from_numpy(np.stack(part)) for part in zip(*parts))
        return Batch(truth, filled, hole)

    def _example(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        clip, shape = self._cases[self._case(number)]
        flow, spatial = self._clips.flow[clip], self._clips.holes[clip, shape]
        filled = self._clips.filled(clip, shape, self._fill)
        filled[~self._hidden] = flow[~self._hidden]
        hole = self._hidden[:, None, None] & spatial
        symmetries = SYMMETRIES if flow.shape[-1] == flow.shape[-2] else SYMMETRIES // 2
        symmetry = int(np.random.default_rng([self._seed, 1, number]).integers(symmetries))
        return transformed(flow, symmetry), transformed(filled, symmetry), turned(hole, symmetry)

    def _case(self, number: int) -> int:
        epoch, place = divmod(number, len(self._cases))
        if epoch != self._epoch:
            order = np.random.default_rng([self._seed, 0, epoch]).permutation(len(self._cases))
            self._epoch, self._order = epoch, order
        return int(self._order[place])


def turned(maps: np.ndarray, symmetry: int) -> np.ndarray:
    """Maps (T, …, H, W) under one of the 16 symmetries of the square and of time.

    Bits of ``symmetry``: 1 mirrors x, 2 mirrors y, 4 reverses time, 8 swaps x and y.
    """
    maps = maps[..., ::-1] if symmetry & 1 else maps
    maps = maps[..., ::-1, :] if symmetry & 2 else maps
    maps = maps[::-1] if symmetry & 4 else maps
    return maps.swapaxes(-1, -2) if symmetry & 8 else maps


def transformed(flow: np.ndarray, symmetry: int) -> np.ndarray:
    """A clip (T, 2 directions, 2, H, W) under a symmetry: the vectors turn with the pixels.

    Mirrors negate a component, transposition swaps the two, and time reversal swaps forward and
    backward flow.
    """
    flow = turned(flow, symmetry)
    flow = flow[:, ::-1] if symmetry & 4 else flow
    flow = flow[:, :, ::-1] if symmetry & 8 else flow
    signs = np.array([-1 if symmetry & 1 else 1, -1 if symmetry & 2 else 1], np.float32)
    signs = signs[::-1] if symmetry & 8 else signs
    return flow * signs[:, None, None]
