"""Edges of training clips: the true ones, and those that an inpainter can know around a hole."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool

from flowmend.datasets.clip_set import ClipSet

EdgeFinder = Callable[[np.ndarray], np.ndarray]  # flow (2, H, W) -> bool (H, W)
EdgeMaps = Bool[np.ndarray, "frames height width"]


class EdgesOfClips:
    """Looked for once each, when first asked for.

    Known edges are those of the filled flow outside the hole, as the inpainters find them: edges
    of the true flow would give away a pixel or two of what the hole hides.

    Args:
        clips: the training clips, with the edges of their forward flow.
        fill: ``zero`` or a stored fill.
        hides: which frames are hidden, bool (T,).
        find: the edge finder that made the clips' edges.
    """

    def __init__(
        self, clips: ClipSet, fill: str, hides: Bool[np.ndarray, "frames"], find: EdgeFinder
    ) -> None:
        self._clips, self._fill, self._hides, self._find = clips, fill, hides, find
        self._found: dict[tuple[int, int | None, bool], EdgeMaps] = {}

    def true(self, clip: int, back: bool = False) -> EdgeMaps:
        """Edges of the true forward flow, or of the backward flow, which time reversal makes it."""
        if not back:
            return self._clips.edges[clip]
        return self._once((clip, None, back), lambda: self._clips.flow[clip])

    def known(self, clip: int, shape: int, back: bool = False) -> EdgeMaps:
        """What is known of them: none inside the hole."""
        filled = self._once(
            (clip, shape, back), lambda: self._clips.filled(clip, shape, self._fill)
        )
        hole = self._clips.holes[clip, shape] & self._hides[:, None, None]
        return np.where(self._hides[:, None, None], filled, self.true(clip, back)) & ~hole

    def _once(self, key: tuple[int, int | None, bool], flow: Callable[[], np.ndarray]) -> EdgeMaps:
        if key not in self._found:
            direction = int(key[-1])
            self._found[key] = np.stack([self._find(frame) for frame in flow()[:, direction]])
        return self._found[key]
