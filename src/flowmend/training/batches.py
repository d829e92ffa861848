"""Batches of holed clips, the same for the same (seed, step) wherever a run was cut off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowmend.datasets.clip_set import ClipSet
from flowmend.holes import setup_frames
from flowmend.networks.coordinates import position_map
from flowmend.training.ahead import one_ahead
from flowmend.training.known_edges import EdgeFinder, EdgesOfClips
from flowmend.training.symmetries import (
    OF_A_SQUARE,
    OF_AN_OBLONG,
    REVERSE_TIME,
    flow_action,
    turned_back,
    vector_action,
)
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
        edges: true edges of the forward flow, float (B, T, h, w) of 0 and 1, if asked for.
        known_edges: those that can be known, none inside the hole; same shape, if asked for.
        position: of each pixel in its frame, (B, 2, h, w) in [-1, 1], if asked for.
    """

    truth: Tensor
    filled: Tensor
    hole: Tensor
    edges: Tensor | None = None
    known_edges: Tensor | None = None
    position: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""
        extra = (self.edges, self.known_edges, self.position)
        edges, known, position = (part if part is None else part.to(device) for part in extra)
        flows = self.truth.to(device), self.filled.to(device)
        return Batch(*flows, self.hole.to(device), edges, known, position)


class Batches:
    """Every (clip, hole shape) once an epoch in random order, each batch under a random symmetry.

    Args:
        clips: the training clips.
        shapes: hole shapes to draw from.
        fill: ``zero`` or a stored fill.
        setup: which frames are hidden.
        size: B.
        seed: of order and symmetries.
        find_edges: the edge finder that made the clips' edges, for batches with edges.
        positions: True to say where in its frame each pixel is.

    Attributes:
        hidden: the frames that the setup hides.
        window: height and width of the windows, px.
    """

    def __init__(
        self,
        clips: ClipSet,
        shapes: Sequence[str],
        fill: str,
        setup: str,
        size: int,
        seed: int,
        find_edges: EdgeFinder | None = None,
        positions: bool = False,
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
        self._edges = find_edges and EdgesOfClips(clips, fill, self._hides, find_edges)
        self._position = position_map(height, width).movedim(0, -1).numpy() if positions else None
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
        holes = torch.from_numpy(hole)[:, None] & hidden
        return Batch(
            self._by_frame(truth),
            self._by_frame(filled),
            holes.contiguous(memory_format=torch.channels_last),
            *self._edges_of(cases, symmetry),
            self._positions_of(cases, symmetry),
        )

    def between(self, first: int, last: int) -> Iterator[Batch]:
        """Batches of the steps ``first`` to ``last`` − 1; a thread makes one ahead."""
        return one_ahead(self.__getitem__, first, last)

    def _cut(
        self,
        cases: Sequence[tuple[int, int]],
        truth: np.ndarray,
        filled: np.ndarray,
        hole: np.ndarray,
    ) -> None:
        """Write the windows of some cases to (B, h, w, channels) twice and (B, h, w)."""
        for k, case in enumerate(cases):
            rows, columns = self._place(case)
            truth[k] = self._flow[case[0], rows, columns]
            hole[k] = self._clips.holes[case][rows, columns]
        filled[:] = truth
        filled[hole] = np.concatenate([self._values(*case) for case in cases])
        if not self._hides.all():
            visible = np.repeat(~self._hides, CHANNELS)
            filled[..., visible] = truth[..., visible]

    def _edges_of(
        self, cases: Sequence[tuple[int, int]], symmetry: int
    ) -> tuple[Tensor | None, Tensor | None]:
        """True and known edges; with time reversed, those of what then is the forward flow."""
        if self._edges is None:
            return None, None
        back = bool(symmetry & REVERSE_TIME)
        maps = np.empty((2, len(cases), *self.window, self._frames), np.float32)
        true, known = (turned_back(each, symmetry) for each in maps)
        for k, case in enumerate(cases):
            window = (slice(None), *self._place(case))
            true[k] = np.moveaxis(self._edges.true(case[0], back)[window], 0, -1)
            known[k] = np.moveaxis(self._edges.known(*case, back)[window], 0, -1)
        maps = maps[..., ::-1].copy() if back else maps
        edges, known_edges = torch.from_numpy(maps).movedim(-1, 2)
        return edges, known_edges

    def _positions_of(self, cases: Sequence[tuple[int, int]], symmetry: int) -> Tensor | None:
        """A position turns with the frame as a vector from the frame's middle does."""
        if self._position is None:
            return None
        maps = np.empty((len(cases), *self.window, 2), np.float32)
        turned_back(maps, symmetry)[:] = [self._position[*self._place(case)] for case in cases]
        return torch.from_numpy(maps @ vector_action(symmetry)).movedim(-1, 1)

    def _place(self, case: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of a case's window."""
        (top, left), (height, width) = self._corners[case], self.window
        return slice(top, top + height), slice(left, left + width)

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
