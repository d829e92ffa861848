"""The index: which clips the raw data give, with the size and hash of every file of theirs.

The rest of the pipeline depends on this one file instead of on every raw file.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from flowmend.datasets import davis, folder, video, youtube_vos
from flowmend.datasets.clips import ClipFiles, cut_clips, frames_spanned
from flowmend.datasets.index_file import SYNTHETIC, VERSION, Source, data_folder, file_hash
from flowmend.datasets.sequences import FrameFiles, Sequence
from flowmend.datasets.splits import split_sequences
from flowmend.errors import InputError
from flowmend.io.progress import tracked

DAVIS_YEARS = {"davis2016": 2016, "davis2017": 2017}
UNSPLIT: dict[str, Callable[[Path], list[Sequence]]] = {
    "youtube_vos": youtube_vos.scan,
    "folder": folder.scan,
    "video": video.scan,
}
SEED_KEYS = {"train": 0, "test": 1}

ClipRecord = dict[str, Any]


def build_index(
    sources: dict[str, Source], frames: int, stride: int, seed: int, shards: int
) -> dict[str, Any]:
    """Choose and describe the clips of every split.

    Args:
        sources: by split, "train" and "test"; one dataset for both is split between them.
        frames: video frames of a clip.
        stride: step between them.
        seed: of the synthetic set.
        shards: parts of each split, of equal size to within one clip.

    Returns:
        What ``index.json`` holds.

    Raises:
        InputError: the raw data are missing, damaged, or too few for ``shards`` clips.
    """
    sequences = _sequences(sources, frames_spanned(frames, stride) + shards - 1)
    splits = {}
    for split, source in sources.items():
        if source.dataset == SYNTHETIC:
            clips = [_synthetic(split, number, seed) for number in range(source.count)]
        else:
            chosen = cut_clips(sequences[split], source.count, frames, stride)
            clips = _records(chosen, data_folder(source.root))
        if len(clips) < shards:
            what = f"{split} gets {len(clips)} clips, fewer than its {shards} shards"
            raise InputError(
                source.root, what, f"raise data.clips.{split}, or add longer sequences"
            )
        splits[split] = [clips[shard::shards] for shard in range(shards)]
    return {
        "version": VERSION,
        "dataset": sources["train"].dataset,
        "test_dataset": sources["test"].dataset,
        "frames": frames,
        "stride": stride,
        "splits": splits,
    }


def _sequences(sources: dict[str, Source], shortest: int) -> dict[str, list[Sequence]]:
    """Real sequences of each split; nothing for the synthetic set."""
    places = {split: (source.dataset, source.root) for split, source in sources.items()}
    found: dict[str, list[Sequence]] = {}
    for split, (dataset, root) in places.items():
        if dataset in DAVIS_YEARS:
            found[split] = davis.scan(root, DAVIS_YEARS[dataset], (split,))
        elif dataset in UNSPLIT and split not in found:
            sequences = UNSPLIT[dataset](root)
            shared = len(set(places.values())) == 1
            found |= split_sequences(sequences, shortest) if shared else {split: sequences}
    return found


def _synthetic(split: str, number: int, seed: int) -> ClipRecord:
    """A seed of its own for each clip: asking for more clips keeps those that exist."""
    sequence = np.random.SeedSequence(seed, spawn_key=(SEED_KEYS[split], number))
    return {"name": f"{split}_{number:04d}", "seed": int(sequence.generate_state(1)[0])}


def _records(clips: list[ClipFiles], folder: Path) -> list[ClipRecord]:
    paths = {path for clip in clips for frame in clip.frames for path in _files(frame)}
    ordered = tracked(sorted(paths), "hashing raw files")
    described = {path: (path.stat().st_size, file_hash(path)) for path in ordered}
    return [
        {
            "name": clip.name,
            "sequence": clip.sequence,
            "frames": [_frame_record(frame, folder, described) for frame in clip.frames],
        }
        for clip in clips
    ]


def _files(frame: FrameFiles) -> Iterable[Path]:
    return [frame.image] if frame.segmentation is None else [frame.image, frame.segmentation]


def _frame_record(
    frame: FrameFiles, folder: Path, described: dict[Path, tuple[int, str]]
) -> dict[str, Any]:
    size, digest = described[frame.image]
    record: dict[str, Any] = {
        "image": frame.image.relative_to(folder).as_posix(),
        "bytes": size,
        "sha256": digest,
        "segmentation": None,
    }
    if frame.number is not None:
        record["number"] = frame.number
    if frame.segmentation is not None:
        size, digest = described[frame.segmentation]
        record |= {
            "segmentation": frame.segmentation.relative_to(folder).as_posix(),
            "segmentation_bytes": size,
            "segmentation_sha256": digest,
        }
    return record
