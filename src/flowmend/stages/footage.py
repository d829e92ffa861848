"""Clips of any footage, cut and measured as the pipeline does it, without its files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowmend.datasets import folder
from flowmend.datasets.clips import CONTEXT_FRAMES, fair_shares
from flowmend.datasets.resize import resize_flow
from flowmend.datasets.sequences import Sequence
from flowmend.errors import InputError
from flowmend.estimators import ClipFrames, clips_of, dis, exact
from flowmend.io.images import read_segmentation
from flowmend.io.layout_zip import Layout
from flowmend.io.progress import tracked
from flowmend.stages.clip_segmentation import first_segmentation

DAVIS_FRAMES = "JPEGImages/480p/"
MOST_CLIPS = 64
"""Enough for intervals; DIS on 64 clips of 480×854 px takes about 40 s on one core."""


@dataclass(frozen=True)
class Footage:
    """One sequence.

    Attributes:
        name: of the sequence.
        images: its frames in the layout, in temporal order.
        members: all paths of the layout.
        segmentation: ids of its first mask that shows an object, (h, w), if there is one.
        layout, where: what the frames are read from, and its name.
    """

    name: str
    images: list[str]
    members: frozenset[str]
    segmentation: np.ndarray | None
    layout: Layout
    where: Path

    def window(self, start: int, frames: int) -> ClipFrames:
        """Some consecutive frames; what they decode goes with them."""
        images = self.images[start : start + frames]
        return ClipFrames(self.layout, self.where, self.name, images, self.members)


@dataclass(frozen=True)
class MeasuredClip:
    """One clip.

    Attributes:
        name: the sequence's, with the position of the first frame.
        flow: (T, 2 directions [forward, backward], 2, H, W), px.
        segmentation: of its sequence.
    """

    name: str
    flow: np.ndarray
    segmentation: np.ndarray | None


def read_footage(layout: Layout, data: Path) -> list[Footage]:
    """All sequences of a DAVIS layout (folder or zip), or of a plain folder of frames.

    Raises:
        InputError: there are no frames, or one or a mask is missing or damaged.
    """
    members = frozenset(layout.names())
    if any(member.startswith(DAVIS_FRAMES) for member in members):
        return [_of_davis(clip, sorted(members), data) for clip in clips_of(layout, data)]
    if not data.is_dir():
        raise InputError(data, f"holds no {DAVIS_FRAMES}", "give a folder or a DAVIS tree")
    return [_of_folder(sequence, layout, data) for sequence in folder.scan(data)]


def measure_clips(footage: list[Footage], frames: int, short_side_px: int) -> list[MeasuredClip]:
    """Cut clips without shared frames and give each its flow.

    Flow is the tree's own (``Flow/forward/<sequence>/<frame>.flo``) where it has some, else DIS at
    the frames' resolution. It is resized to ``short_side_px``, the longer side in proportion, both
    rounded to multiples of 8 px as the networks need.

    Args:
        footage: of :func:`read_footage`.
        frames: flow frames of a clip.
        short_side_px: of the working size, px.

    Raises:
        InputError: a sequence is shorter than a clip, or a frame or true flow is damaged.
    """
    cuts = tracked(list(_cuts(footage, frames + CONTEXT_FRAMES)), "estimating flow")
    return [_measured(one, start, frames, short_side_px) for one, start in cuts]


def _of_davis(clip: ClipFrames, members: list[str], data: Path) -> Footage:
    images = [member for member in members if member.startswith(f"{DAVIS_FRAMES}{clip.name}/")]
    ids = first_segmentation(clip)
    return Footage(clip.name, images, clip.members, ids, clip.layout, data)


def _of_folder(sequence: Sequence, layout: Layout, data: Path) -> Footage:
    images = [frame.image.relative_to(data).as_posix() for frame in sequence.frames]
    annotated = [frame.segmentation for frame in sequence.frames if frame.segmentation]
    ids = next((ids for path in annotated if (ids := read_segmentation(path)).any()), None)
    return Footage(sequence.name, images, frozenset(), ids, layout, data)


def _cuts(footage: list[Footage], span: int) -> Iterator[tuple[Footage, int]]:
    """Which sequences are cut at which frames: side by side, thinned out evenly."""
    for one in footage:
        if len(one.images) < span:
            what = f"has {len(one.images)} frames, a clip needs {span}"
            raise InputError(f"{one.where}: {one.name}", what, "leave this sequence out")
    room = [len(one.images) // span for one in footage]
    for one, windows, share in zip(footage, room, fair_shares(room, MOST_CLIPS)):
        for k in range(share):
            yield one, (2 * k + 1) * windows // (2 * share) * span


def _measured(one: Footage, start: int, frames: int, short_side_px: int) -> MeasuredClip:
    clip = one.window(start, frames + CONTEXT_FRAMES)
    own = any(member.startswith(f"Flow/forward/{one.name}/") for member in one.members)
    estimate = exact.read if own else dis.estimate_frames
    steps = [(t, step) for t in range(1, frames + 1) for step in (1, -1)]
    flow = np.array([estimate(clip, t, t + step) for t, step in steps])
    height, width = _working_size(flow.shape[-2], flow.shape[-1], short_side_px)
    resized = resize_flow(flow, height, width).reshape(frames, 2, 2, height, width)
    return MeasuredClip(f"{one.name}_{start:03d}", resized, one.segmentation)


def _working_size(height: int, width: int, short_side_px: int) -> tuple[int, int]:
    scale = short_side_px / min(height, width)
    rows, columns = (max(8, 8 * round(side * scale / 8)) for side in (height, width))
    return rows, columns
