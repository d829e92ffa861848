"""The files of a scale's test split, read clip by clip: what the figures are drawn from."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from flowmend.datasets.resize import resize_flow
from flowmend.errors import InputError
from flowmend.estimators import ClipFrames, clips_of, exact, pair_by_pair
from flowmend.io.flow_archive import FlowArchive
from flowmend.io.hole_values import read_hole_values, scatter
from flowmend.io.images import read_segmentation
from flowmend.io.layout_zip import open_layout
from flowmend.io.packed_maps import read_packed_maps
from flowmend.stages.clip_segmentation import segmentation
from flowmend.stages.flow_fields import flow_fields
from flowmend.stages.holes import read_clip
from flowmend.stages.layout import SHARDS, Layout

SPLIT = "test"


class HeldOutFiles:
    """Random access to frames, flow, holes, fills and edges of the test clips.

    Use it in a ``with`` statement. Nothing of a kind is read before it is asked for.

    Raises:
        InputError: a shard is missing or damaged.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._open = ExitStack()
        self._frames: dict[str, ClipFrames] = {}
        self._archives: dict[str, FlowArchive] = {}
        self._shard: dict[str, int] = {}
        for shard in SHARDS:
            source = layout.sequences(SPLIT, shard)
            frames = open_layout(source)
            self._open.enter_context(frames)
            archive = self._open.enter_context(FlowArchive(layout.flow(SPLIT, shard)))
            for clip in clips_of(frames, source):
                self._frames[clip.name] = clip
                self._archives[clip.name] = archive
                self._shard[clip.name] = shard

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def names(self) -> list[str]:
        """All clips, sorted."""
        return sorted(self._frames)

    def estimator(self, name: str) -> str:
        """Who computed a clip's flow."""
        return str(self._archives[name].manifest["attributes"]["estimator"])

    def frames(self, name: str) -> ClipFrames:
        """A clip's video frames; flow frame t is video frame t + 1."""
        return self._frames[name]

    def image(self, name: str, frame: int) -> np.ndarray:
        """The picture of a flow frame, (3, h, w) uint8 at the video's own size."""
        return self._frames[name].image(frame + 1)

    def segmentation(self, name: str, frame: int, size: tuple[int, int]) -> np.ndarray:
        """Object ids of a flow frame at ``size`` (H, W), uint8; zeros if it is not annotated."""
        ids = segmentation(self._frames[name], frame + 1)
        if ids is None:
            return np.zeros(size, np.uint8)
        return cv2.resize(ids, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)

    def field(self, name: str, direction: str, frame: int) -> np.ndarray:
        """Flow of one frame, (2, H, W) float32, px."""
        return self._archives[name].read(f"{name}/{direction}/{frame}")

    def flow(self, name: str, frames: int) -> np.ndarray:
        """Both flows of a clip, (T, 2 directions [forward, backward], 2, H, W), px."""
        return read_clip(self._archives[name], name, frames)

    def exact_flow(self, name: str, frames: int) -> np.ndarray | None:
        """The truth, as :meth:`flow`, where the archive's flow is an estimate of a rendered clip's.

        None where the archive has the truth itself, and of footage, whose flow nobody knows.
        """
        clip = self._frames[name]
        if self.estimator(name) == "exact" or not exact.is_known(clip):
            return None
        truth = flow_fields(clip, frames, pair_by_pair(exact.read))
        fields = np.stack([field for _, field in truth])
        size = self.field(name, "forward", 0).shape[-2:]
        return np.stack(np.split(resize_flow(fields, *size), 2), axis=1)

    def judged_flow(self, name: str, hidden: np.ndarray) -> np.ndarray:
        """What completions are judged by: :meth:`flow`, but the truth inside the hole (T, H, W)."""
        flow = self.flow(name, len(hidden))
        truth = self.exact_flow(name, len(hidden))
        return flow if truth is None else np.where(hidden[:, None, None], truth, flow)

    def hole(self, name: str, shape: str) -> np.ndarray:
        """A clip's hole of one shape, bool (H, W)."""
        return read_packed_maps(self._layout.holes(SPLIT, self._shard[name])).get(name, shape)

    def filled(self, name: str, shape: str, fill: str, flow: np.ndarray) -> np.ndarray:
        """``flow`` (T, 2, 2, H, W) with what a stored fill puts in the hole of every frame."""
        values = read_hole_values(self._layout.fills(SPLIT, self._shard[name]))
        return scatter(values.get(fill, name, shape), self.hole(name, shape), flow)

    def edges(self, name: str, source: str) -> np.ndarray:
        """Edges of every flow frame by one source, bool (T, H, W)."""
        return read_packed_maps(self._layout.edges(SPLIT, self._shard[name])).get(name, source)

    def occlusion(self, name: str, frame: int, size: tuple[int, int]) -> np.ndarray:
        """What a flow frame shows and the next does not, bool (H, W) at ``size``; rendered clips.

        Raises:
            InputError: the clip is footage, of which nobody knows it.
        """
        clip = self._frames[name]
        member = f"Occlusion/forward/{name}/{clip.stem(frame + 1)}.png"
        if member not in clip.members:
            where = f"{clip.where}: {member}"
            raise InputError(where, "is missing: no true occlusions", "make the clip again")
        hidden = read_segmentation(clip.layout.read(member), f"{clip.where}: {member}")
        return cv2.resize(hidden, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT) > 0

    def files(self, *kinds: str) -> list[Path]:
        """The shards of these kinds: ``sequences``, ``flow``, ``holes``, ``fills``, ``edges``."""
        return [getattr(self._layout, kind)(SPLIT, shard) for kind in kinds for shard in SHARDS]
