"""The test clips of a scale as methods are judged on them: known flow, truth and holes."""

from flowmend.evaluation.held_out import HoledClip, holed_clip
from flowmend.io.packed_maps import read_packed_maps
from flowmend.io.progress import tracked
from flowmend.params import Scale
from flowmend.stages.held_out_files import SPLIT, HeldOutFiles
from flowmend.stages.layout import SHARDS, Layout


def held_out_clips(settings: Scale, layout: Layout) -> list[HoledClip]:
    """All test clips of a scale, with their holes.

    Raises:
        InputError: sequences, flow or holes are missing or damaged.
    """
    edges_px, band_px = settings.edges.canny_flow_px, settings.evaluate.edge_band_px
    frames, clips = settings.data.frames, []
    with HeldOutFiles(layout) as files:
        for shard in tracked(SHARDS, "reading test clips"):
            holes = read_packed_maps(layout.holes(SPLIT, shard))
            for name, maps in zip(holes.names, holes.unpack()):
                flow, exact = files.flow(name, frames), files.exact_flow(name, frames)
                of_shape = dict(zip(holes.labels, maps))
                clips.append(holed_clip(name, flow, of_shape, edges_px, band_px, exact))
    return clips
