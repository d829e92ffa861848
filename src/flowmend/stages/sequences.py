"""Stage ``sequences``: frames and object ids of one shard, in the DAVIS layout.

Frames keep their bytes. Segmentations become palette PNGs of object ids, of the frame's size.
Rendered clips bring their true flow and occlusion, of the working size.
"""

from typing import Any

from flowmend.datasets.clips import CONTEXT_FRAMES
from flowmend.datasets.index_file import SYNTHETIC, data_folder, read_index
from flowmend.datasets.moving_shapes import Sink, render, write_frames, write_truth
from flowmend.datasets.raw_clips import RawClips
from flowmend.io.layout_zip import writing_zip
from flowmend.io.progress import tracked
from flowmend.params import DataParams, Params
from flowmend.stages.layout import Layout
from flowmend.stages.raw_data import sources

LISTS = {"train": "ImageSets/2017/train.txt", "test": "ImageSets/2017/val.txt"}


def run(params: Params, scale: str, split: str, shard: int) -> None:
    """Write ``artifacts/<scale>/<split>/sequences/<shard>.zip``.

    Raises:
        InputError: a raw file changed, is damaged, or does not fit its frame.
    """
    data, layout = params.at(scale).data, Layout(scale)
    clips: list[dict[str, Any]] = read_index(layout.index)["splits"][split][shard]
    source = sources(data)[split]
    remedy = f"run `dvc repro -f index@{scale}` or `snakemake -R index`"
    raw = RawClips(data_folder(source.root), data.objects, remedy)
    with writing_zip(layout.sequences(split, shard)) as archive:
        for clip in tracked(clips, f"{split} {shard}: frames"):
            if source.dataset == SYNTHETIC:
                _write_rendered(clip, data, archive.add)
            else:
                for member, content in raw.members(clip):
                    archive.add(member, content)
        archive.add(LISTS[split], "".join(f"{clip['name']}\n" for clip in clips).encode())


def _write_rendered(clip: dict[str, Any], data: DataParams, sink: Sink) -> None:
    """Frames of ``render_factor`` times the working size, and the truth at the working size.

    Truth is rendered afresh rather than shrunk, which would mix the motions at every border: the
    same seed moves the same at any size.
    """
    name, frames = clip["name"], data.frames + CONTEXT_FRAMES
    truth = shown = render(clip["seed"], frames, data.height_px, data.width_px)
    if data.render_factor > 1:
        rows, columns = (side * data.render_factor for side in (data.height_px, data.width_px))
        shown = render(clip["seed"], frames, rows, columns)
    write_frames(shown, name, sink)
    write_truth(truth, name, sink)
