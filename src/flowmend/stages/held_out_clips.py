"""The test clips of a scale as methods are judged on them: known flow, truth and holes."""

from contextlib import ExitStack

import numpy as np

from flowmend.datasets.resize import resize_flow
from flowmend.estimators import clips_of, exact
from flowmend.estimators.clip_frames import ClipFrames
from flowmend.evaluation.held_out import HoledClip, holed_clip
from flowmend.io.flow_archive import FlowArchive
from flowmend.io.layout_zip import open_layout
from flowmend.io.packed_maps import read_packed_maps
from flowmend.io.progress import tracked
from flowmend.params import Scale
from flowmend.stages.flow import flow_fields
from flowmend.stages.holes import read_clip
from flowmend.stages.layout import SHARDS, Layout

SPLIT = "test"


def held_out_clips(settings: Scale, layout: Layout) -> list[HoledClip]:
    """All test clips of a scale, with their holes.

    Raises:
        InputError: sequences, flow or holes are missing or damaged.
    """
    return [
        clip
        for shard in tracked(SHARDS, "reading test clips")
        for clip in _shard(settings, layout, shard)
    ]


def _shard(settings: Scale, layout: Layout, shard: int) -> list[HoledClip]:
    holes = read_packed_maps(layout.holes(SPLIT, shard))
    frames, band = settings.data.frames, settings.evaluate.edge_band_px
    clips = []
    with ExitStack() as opened:
        archive = opened.enter_context(FlowArchive(layout.flow(SPLIT, shard)))
        source = layout.sequences(SPLIT, shard)
        shown = {c.name: c for c in clips_of(opened.enter_context(open_layout(source)), source)}
        for name, maps in zip(holes.names, holes.unpack()):
            flow = read_clip(archive, name, frames)
            estimated = settings.flow.estimator != "exact"
            truth = exact_flow(shown[name], flow) if estimated else None
            of_shape = dict(zip(holes.labels, maps))
            clips.append(
                holed_clip(name, flow, of_shape, settings.edges.canny_flow_px, band, truth)
            )
    return clips


def exact_flow(clip: ClipFrames, flow: np.ndarray) -> np.ndarray | None:
    """True flow where the clip was rendered; None of footage, whose flow nobody knows.

    Args:
        clip: its frames.
        flow: an estimate, (T, 2 directions [forward, backward], 2, H, W), px.

    Returns:
        of the same shape, px of the same grid.
    """
    if not exact.is_known(clip):
        return None
    fields = [field for _, field in flow_fields(clip, len(flow), exact.read)]
    resized = resize_flow(np.stack(fields), *flow.shape[-2:])
    return np.stack(np.split(resized, 2), axis=1)
