"""Completing the edges of single frames against a critic (WGAN-GP [3]; report, 2.6.4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from flowmend.datasets.clip_set import ClipSet
from flowmend.training.known_edges import EdgeFinder, EdgesOfClips
from flowmend.training.symmetries import MIRROR_X, MIRROR_Y, TRANSPOSE, turned_back
from flowmend.training.windows import corner, window_px

_ORDER, _SYMMETRY, _NOISE = 0, 1, 2  # streams of random numbers
_OF_AN_OBLONG = (0, MIRROR_X, MIRROR_Y, MIRROR_X | MIRROR_Y)
_OF_A_SQUARE = (*_OF_AN_OBLONG, *(mirrors | TRANSPOSE for mirrors in _OF_AN_OBLONG))
"""Without time reversal: a single frame has no order."""

Case = tuple[int, int, int]  # clip, frame, hole shape


@dataclass(frozen=True)
class EdgeBatch:
    """B windows around holes of single frames, float32 (B, 1, h, w).

    Attributes:
        edges: true Canny edges of the forward flow inside the hole, known ones outside, 0 or 1.
        known: the edges outside the hole, found on the filled flow, 0 inside.
        hole: 1 where edges must be invented.
        noise: standard normal.
    """

    edges: Tensor
    known: Tensor
    hole: Tensor
    noise: Tensor

    def to(self, device: torch.device | str) -> "EdgeBatch":
        """The batch on another device."""
        parts = (self.edges, self.known, self.hole, self.noise)
        return EdgeBatch(*(part.to(device) for part in parts))


class EdgeCompletion:
    """Every (clip, frame, hole shape) once an epoch in random order, one mirror a batch.

    Holes without an edge stay in at their own share (an eighth of the rectangles at laptop scale):
    the generator must learn, too, which holes to leave empty.

    Args:
        clips: the training clips.
        shapes: hole shapes to draw from.
        fill: what the hole is filled with before known edges are looked for.
        find: the edge finder that made the clips' edges.
        size: B.
        seed: of order, symmetries and noise.

    Attributes:
        window: height and width of the windows, px.
    """

    def __init__(
        self,
        clips: ClipSet,
        shapes: Sequence[str],
        fill: str,
        find: EdgeFinder,
        size: int,
        seed: int,
    ) -> None:
        count, frames = clips.edges.shape[:2]
        self._edges = EdgesOfClips(clips, fill, np.ones(frames, bool), find)
        self._clips, self._size, self._seed = clips, size, seed
        numbers = [clips.shapes.index(shape) for shape in shapes]
        self.window = window_px(clips.holes[:, numbers])
        self._cases = [(n, t, s) for n in range(count) for t in range(frames) for s in numbers]
        self._corners = {
            (n, s): corner(clips.holes[n, s], self.window) for n in range(count) for s in numbers
        }
        square = self.window[0] == self.window[1]
        self._symmetries = _OF_A_SQUARE if square else _OF_AN_OBLONG
        self._epoch, self._permutation = -1, np.empty(0, int)

    def __getitem__(self, step: int) -> EdgeBatch:
        """The batch of one step of either side."""
        symmetry = self._random(_SYMMETRY, step).choice(self._symmetries)
        maps = np.empty((3, self._size, *self.window), np.float32)
        edges, known, hole = (turned_back(each, symmetry) for each in maps)
        for k, case in enumerate(self._drawn(step)):
            edges[k], known[k], hole[k] = self._cut(case)
        noise = self._random(_NOISE, step).standard_normal(maps.shape[1:], np.float32)
        parts = (torch.from_numpy(part).unsqueeze(1) for part in (*maps, noise))
        return EdgeBatch(*parts)

    def between(self, first: int, last: int) -> Iterator[EdgeBatch]:
        """Batches of the steps ``first`` to ``last`` − 1."""
        return (self[step] for step in range(first, last))

    def predict(self, model: nn.Module, batch: EdgeBatch) -> Tensor:
        """Completed edges, (B, 1, h, w) in [0, 1]."""
        return model(batch.known, batch.hole, batch.noise)

    def terms(self, prediction: Tensor, batch: EdgeBatch) -> Mapping[str, Tensor]:
        """None: the critic alone says what is good."""
        return {}

    def seen(self, prediction: Tensor, batch: EdgeBatch) -> tuple[Tensor, Tensor]:
        """Edges, hole and known edges of the truth and of the prediction, (B, 3, h, w) each."""
        conditions = (batch.hole, batch.known)
        return (
            torch.cat([batch.edges, *conditions], dim=1),
            torch.cat([prediction, *conditions], dim=1),
        )

    def _cut(self, case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edges, known edges and hole of a case's window, bool (h, w)."""
        clip, frame, shape = case
        (top, left), (height, width) = self._corners[clip, shape], self.window
        window = (slice(top, top + height), slice(left, left + width))
        hole = self._clips.holes[clip, shape][window]
        known = self._edges.known(clip, shape)[frame][window]
        return known | hole & self._edges.true(clip)[frame][window], known, hole

    def _drawn(self, step: int) -> Iterator[Case]:
        for k in range(step * self._size, (step + 1) * self._size):
            epoch, place = divmod(k, len(self._cases))
            yield self._cases[self._order(epoch)[place]]

    def _order(self, epoch: int) -> np.ndarray:
        if self._epoch != epoch:
            self._epoch = epoch
            self._permutation = self._random(_ORDER, epoch).permutation(len(self._cases))
        return self._permutation

    def _random(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, stream, number])
