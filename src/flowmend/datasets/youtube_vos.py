"""YouTube-VOS, 2018 and 2019 (Xu et al. 2018).

    <root>/train/JPEGImages/003234408d/00005.jpg            every fifth frame
    <root>/train/Annotations/003234408d/00005.png
    <root>/train/meta.json                                  videos > objects > annotated frames
    <root>/train_all_frames/JPEGImages/003234408d/00001.jpg every frame, used when it is there

Only the train part is annotated throughout, so it is the only one read; it has no split of its
own.
"""

import json
from pathlib import Path

from flowmend.datasets.sequences import (
    FrameFiles,
    Sequence,
    images_in,
    pair,
    require_folder,
    require_frames,
)
from flowmend.errors import InputError
from flowmend.io.progress import tracked


def scan(root: Path) -> list[Sequence]:
    """All videos of ``meta.json``, sorted by name.

    Raises:
        InputError: a folder, ``meta.json``, or a frame or mask that it lists is missing.
    """
    require_folder(root, f"link the dataset there: ln -s /path/to/YouTube-VOS {root}")
    train = root / "train"
    require_folder(train / "Annotations", f"{root} must be the folder that holds train/")
    every = root / "train_all_frames" / "JPEGImages"
    frames = every if every.is_dir() else train / "JPEGImages"
    require_folder(frames, f"{root} must be the folder that holds train/JPEGImages")
    videos = sorted(_annotated(train / "meta.json").items())
    return [
        _sequence(name, stems, frames / name, train / "Annotations" / name)
        for name, stems in tracked(videos, "scanning videos")
    ]


def _annotated(meta: Path) -> dict[str, set[str]]:
    """Stems of the annotated frames of each video."""
    try:
        videos = json.loads(meta.read_text())["videos"]
        return {
            name: {stem for item in video["objects"].values() for stem in item["frames"]}
            for name, video in videos.items()
        }
    except FileNotFoundError:
        raise InputError(meta, "is missing", "restore it from the dataset") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"is not a YouTube-VOS meta.json ({type(error).__name__}: {error})"
        raise InputError(meta, what, "restore it from the dataset") from None


def _sequence(name: str, stems: set[str], frames: Path, segmentations: Path) -> Sequence:
    for folder in (frames, segmentations):
        require_folder(folder, f"restore it or take {name} out of meta.json")
    images = images_in(frames)
    require_frames(name, images, frames)
    paired = pair(images, images_in(segmentations), frames)
    _require_listed(stems, paired, frames, segmentations)
    return Sequence(name, None, paired)


def _require_listed(
    stems: set[str], paired: tuple[FrameFiles, ...], frames: Path, segmentations: Path
) -> None:
    by_stem = {frame.stem: frame for frame in paired}
    for stem in sorted(stems):
        frame = by_stem.get(stem)
        if frame is None:
            raise InputError(
                frames / f"{stem}.jpg", "is missing, meta.json lists it", "restore the frame"
            )
        if frame.segmentation is None:
            raise InputError(
                segmentations / f"{stem}.png", "is missing, meta.json lists it", "restore the mask"
            )
