"""Stage ``flow``: forward and backward flow of one shard, at the working size, in an archive.

Flow is estimated at the frames' own resolution and then resized: estimators are poor on small
frames (DIS: EPE 0.61 px at 96², 0.37 px at 256×448).
"""

from collections.abc import Iterator

import numpy as np

from flowmend.datasets.clips import CONTEXT_FRAMES
from flowmend.datasets.resize import resize_flow
from flowmend.errors import InputError
from flowmend.estimators import ESTIMATORS, ClipFrames, Estimator, clips_of
from flowmend.io.flow_archive import FlowArchiveWriter
from flowmend.io.layout_zip import open_layout
from flowmend.io.progress import tracked
from flowmend.params import Params
from flowmend.stages.layout import Layout

STEPS = {"forward": 1, "backward": -1}


def run(params: Params, scale: str, split: str, shard: int) -> None:
    """Write ``artifacts/<scale>/<split>/flow/<shard>.zip``.

    Raises:
        InputError: a frame or true flow is missing or damaged, or flow is not finite.
    """
    data, flow, layout = params.at(scale).data, params.at(scale).flow, Layout(scale)
    source = layout.sequences(split, shard)
    archive = FlowArchiveWriter(
        layout.flow(split, shard), flow.codec, flow.max_error_px, {"estimator": flow.estimator}
    )
    with open_layout(source) as frames, archive:
        clips = clips_of(frames, source)
        for clip in tracked(clips, f"{split} {shard}: flow"):
            for key, field in flow_fields(clip, data.frames, ESTIMATORS[flow.estimator]):
                archive.add(key, resize_flow(field, data.height_px, data.width_px))


def flow_fields(
    clip: ClipFrames, flow_frames: int, estimator: Estimator
) -> Iterator[tuple[str, np.ndarray]]:
    """Keys of the archive and flow of every flow frame, both ways, px of the clip's own grid.

    Flow frame t is video frame t + 1: it has a frame before and one after it.

    Raises:
        InputError: the clip has another number of frames.
    """
    if len(clip) != flow_frames + CONTEXT_FRAMES:
        raise InputError(
            f"{clip.where}: {clip.name}",
            f"has {len(clip)} frames instead of {flow_frames + CONTEXT_FRAMES}",
            "run the sequences stage again",
        )
    for direction, step in STEPS.items():
        for t in range(flow_frames):
            yield f"{clip.name}/{direction}/{t}", estimator(clip, t + 1, t + 1 + step)
