"""Stage ``edges``: edge maps of one shard, from segmentation, flow and image.

Those of the image are Canny's or HED's (``edges.source``), of the picture at the working size.
"""

import cv2
import numpy as np

from flowmend.edges import EDGES_VERSION, flow_edges, segmentation_edges
from flowmend.errors import InputError
from flowmend.estimators.clip_frames import ClipFrames, clips_of
from flowmend.io.flow_archive import FlowArchive
from flowmend.io.layout_zip import open_layout
from flowmend.io.packed_maps import PackedMaps, write_packed_maps
from flowmend.io.progress import tracked
from flowmend.params import Params
from flowmend.stages.clip_segmentation import segmentation
from flowmend.stages.image_edges import EdgeFinder, at_size, edge_finder
from flowmend.stages.layout import EDGE_SOURCES, Layout


def run(params: Params, scale: str, split: str, shard: int) -> None:
    """Write ``artifacts/<scale>/<split>/edges/<shard>.npz``.

    All maps have the working size. The flow's edges are those of the forward flow. A frame without
    segmentation has no segmentation edges.

    Raises:
        InputError: a frame, segmentation or flow is missing or damaged, or HED's weights are.
    """
    block, layout = params.at(scale), Layout(scale)
    of_image = edge_finder(block.edges)
    source = layout.sequences(split, shard)
    with open_layout(source) as frames, FlowArchive(layout.flow(split, shard)) as archive:
        clips = clips_of(frames, source)
        maps = [
            clip_edges(clip, archive, block.data.frames, block.edges.canny_flow_px, of_image)
            for clip in tracked(clips, f"{split} {shard}: edges")
        ]
    names = [clip.name for clip in clips]
    packed = PackedMaps.pack(names, EDGE_SOURCES, np.array(maps), EDGES_VERSION)
    write_packed_maps(layout.edges(split, shard), packed)


def clip_edges(
    clip: ClipFrames,
    archive: FlowArchive,
    frames: int,
    canny_flow_px: float,
    of_image: EdgeFinder,
) -> np.ndarray:
    """Edges of every flow frame, bool (3 sources, T, H, W); flow frame t is video frame t + 1.

    Raises:
        InputError: the clip is too short, or something of it is missing or damaged.
    """
    if len(clip) < frames + 1:
        what = f"has {len(clip)} frames, {frames + 1} are needed"
        raise InputError(f"{clip.where}: {clip.name}", what, "run the sequences stage again")
    found = []
    for t in range(frames):
        flow = archive.read(f"{clip.name}/forward/{t}")
        height, width = flow.shape[-2:]
        ids = segmentation(clip, t + 1)
        ids = np.zeros((height, width), np.uint8) if ids is None else ids
        ids = cv2.resize(ids, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        by_source = {
            "segmentation": segmentation_edges(ids),
            "flow": flow_edges(flow, canny_flow_px),
            "image": of_image(at_size(clip.image(t + 1), height, width)),
        }
        found.append([by_source[name] for name in EDGE_SOURCES])
    return np.array(found).swapaxes(0, 1)
