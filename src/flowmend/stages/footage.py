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
from flowmend.estimators import ESTIMATORS, ClipFrames, clips_of
from flowmend.io.images import read_segmentation
from flowmend.io.layout_zip import Layout
from flowmend.io.progress import tracked
from flowmend.stages.clip_segmentation import first_segmentation

MOST_CLIPS = 64
"""Enough for intervals; DIS on 64 clips of 480×854 px takes about 40 s on one core."""


@dataclass(frozen=True)
class Footage:
    """One sequence: its frames, and the ids of one of its masks, (h, w), if there are any."""

    frames: ClipFrames
    segmentation: np.ndarray | None


@dataclass(frozen=True)
class MeasuredClip:
    """Flow of one clip, (T, 2 directions [forward, backward], 2, H, W), px, and its footage."""

    name: str
    footage: Footage
    flow: np.ndarray


def read_footage(layout: Layout, data: Path) -> list[Footage]:
    """All sequences of a DAVIS layout (folder or zip), or of a plain folder of frames.

    Raises:
        InputError: there are no frames, or one or a mask is missing or damaged.
    """
    if any(name.startswith("JPEGImages/480p/") for name in layout.names()):
        return [Footage(clip, first_segmentation(clip)) for clip in clips_of(layout, data)]
    if not data.is_dir():
        raise InputError(
            data, "holds no JPEGImages/480p", "give a folder of frames or a DAVIS tree"
        )
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


def _of_folder(sequence: Sequence, layout: Layout, data: Path) -> Footage:
    paths = [frame.image.relative_to(data).as_posix() for frame in sequence.frames]
    annotated = [frame.segmentation for frame in sequence.frames if frame.segmentation]
    ids = next((ids for path in annotated if (ids := read_segmentation(path)).any()), None)
    return Footage(ClipFrames(layout, data, sequence.name, paths, frozenset()), ids)


def _cuts(footage: list[Footage], span: int) -> Iterator[tuple[Footage, int]]:
    """Which sequences are cut at which frames: side by side, thinned out evenly."""
    for one in footage:
        if len(one.frames) < span:
            where, what = f"{one.frames.where}: {one.frames.name}", f"has {len(one.frames)} frames"
            raise InputError(where, f"{what}, a clip needs {span}", "leave this sequence out")
    room = [len(one.frames) // span for one in footage]
    for one, windows, share in zip(footage, room, fair_shares(room, MOST_CLIPS)):
        for k in range(share):
            yield one, (2 * k + 1) * windows // (2 * share) * span


def _measured(one: Footage, start: int, frames: int, short_side_px: int) -> MeasuredClip:
    clip = one.frames
    own = any(name.startswith(f"Flow/forward/{clip.name}/") for name in clip.members)
    estimator = ESTIMATORS["exact" if own else "dis"]
    flow = np.array(
        [
            [estimator(clip, t, t + step) for step in (1, -1)]
            for t in range(start + 1, start + 1 + frames)
        ]
    )
    height, width = _working_size(flow.shape[-2], flow.shape[-1], short_side_px)
    return MeasuredClip(f"{clip.name}_{start:03d}", one, resize_flow(flow, height, width))


def _working_size(height: int, width: int, short_side_px: int) -> tuple[int, int]:
    scale = short_side_px / min(height, width)
    rows, columns = (max(8, 8 * round(side * scale / 8)) for side in (height, width))
    return rows, columns
