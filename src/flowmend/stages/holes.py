"""Stage ``holes``: biased holes of one shard, and what the fills put in them."""

from collections.abc import Sequence

import numpy as np

from flowmend.estimators.clip_frames import clips_of
from flowmend.fills import FILLS
from flowmend.holes import HOLES_VERSION, draw_hole
from flowmend.io.flow_archive import FlowArchive
from flowmend.io.hole_values import gather, write_hole_values
from flowmend.io.layout_zip import open_layout
from flowmend.io.packed_maps import PackedMaps, write_packed_maps
from flowmend.io.progress import tracked
from flowmend.params import Params
from flowmend.stages.clip_segmentation import first_segmentation
from flowmend.stages.layout import FILLS as STORED_FILLS
from flowmend.stages.layout import Layout


def run(params: Params, scale: str, split: str, shard: int) -> None:
    """Write ``artifacts/<scale>/<split>/{holes,fills}/<shard>.npz``.

    Every flow frame of a clip is filled in the same hole; setups choose frames afterwards.

    Raises:
        InputError: a flow or segmentation is missing or damaged, a hole does not fit the frame,
            or no clip has an object to give an object-shaped hole its shape.
    """
    block, layout = params.at(scale), Layout(scale)
    sides = (block.holes.min_side_px, block.holes.max_side_px)
    source = layout.sequences(split, shard)
    with open_layout(source) as frames:
        clips = clips_of(frames, source)
        objects = {clip.name: first_segmentation(clip) for clip in clips}
    segmentations = {name: ids for name, ids in objects.items() if ids is not None}
    holes, values = [], []
    with FlowArchive(layout.flow(split, shard)) as archive:
        for name in tracked(objects, f"{split} {shard}: holes"):
            flow = read_clip(archive, name, block.data.frames)
            drawn = [
                draw_hole(shape, name, flow[0, 0], block.holes.seed, sides, segmentations)
                for shape in block.holes.shapes
            ]
            holes.append(drawn)
            values.append(fill_holes(flow, drawn))
    maps = PackedMaps.pack(list(objects), block.holes.shapes, np.array(holes), HOLES_VERSION)
    write_packed_maps(layout.holes(split, shard), maps)
    fills = {fill: [hole for clip in values for hole in clip[fill]] for fill in STORED_FILLS}
    write_hole_values(layout.fills(split, shard), maps.names, maps.labels, fills, block.data.frames)


def read_clip(archive: FlowArchive, name: str, frames: int) -> np.ndarray:
    """Both flows of a clip, (T, 2 directions [forward, backward], 2, H, W), px."""
    directions = [
        archive.read_many([f"{name}/{direction}/{t}" for t in range(frames)])
        for direction in ("forward", "backward")
    ]
    return np.stack(directions, axis=1)


def fill_holes(flow: np.ndarray, holes: Sequence[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """What each stored fill puts in each hole, by the fill's name.

    Args:
        flow: (T, 2 directions, 2, H, W), px.
        holes: bool (H, W) each.

    Returns:
        by fill, one array (P, T, 2, 2) a hole, as ``hole_values.gather`` orders it.
    """
    return {
        fill: [gather(FILLS[fill](flow, hole), hole) for hole in holes] for fill in STORED_FILLS
    }
