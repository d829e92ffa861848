"""Stage ``sequences``: frames and object ids of one shard, in the DAVIS layout.

Frames keep their bytes. Segmentations become palette PNGs of object ids, of the frame's size.
"""

from typing import Any

from flowmend.datasets.clips import CONTEXT_FRAMES
from flowmend.datasets.index_file import SYNTHETIC, data_folder, read_index
from flowmend.datasets.moving_shapes import render, write_davis
from flowmend.datasets.raw_clips import RawClips
from flowmend.io.layout_zip import writing_zip
from flowmend.io.progress import tracked
from flowmend.params import Params
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
                frames = data.frames + CONTEXT_FRAMES
                shapes = render(clip["seed"], frames, data.height_px, data.width_px)
                write_davis(shapes, clip["name"], archive.add)
            else:
                for member, content in raw.members(clip):
                    archive.add(member, content)
        archive.add(LISTS[split], "".join(f"{clip['name']}\n" for clip in clips).encode())
