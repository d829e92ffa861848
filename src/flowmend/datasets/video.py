"""A video file, or a folder of them, with masks beside it if there are any.

<root>                        walk.mp4, or a folder that holds it
walk_masks/00012.png          optional, beside the video; named by the frame's number from 0
"""

from pathlib import Path

from flowmend.datasets.sequences import FrameFiles, Sequence, images_in, require_frames
from flowmend.errors import InputError
from flowmend.io.progress import tracked
from flowmend.io.video import read_video

VIDEO_SUFFIXES = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm"}


def scan(root: Path) -> list[Sequence]:
    """One sequence a video, sorted by name. Decodes each once: containers miscount frames.

    Raises:
        InputError: there is no video, it cannot be decoded, or a mask has no frame.
    """
    if not root.exists():
        raise InputError(root, "is missing", f"link it there: ln -s /path/to/video {root}")
    return [_sequence(path) for path in _videos(root)]


def _videos(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    found = [path for path in root.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES]
    if not found:
        remedy = f"put a video there ({', '.join(sorted(VIDEO_SUFFIXES))})"
        raise InputError(root, "holds no video", remedy)
    return sorted(found)


def _sequence(path: Path) -> Sequence:
    frames = tracked(read_video(path), f"reading {path.name}")
    length = sum(1 for _ in frames)
    require_frames(path.stem, range(length), path)
    segmentations = _masks(path, length)
    return Sequence(
        path.stem, None, tuple(FrameFiles(path, segmentations.get(n), n) for n in range(length))
    )


def _masks(path: Path, length: int) -> dict[int, Path]:
    folder = path.with_name(f"{path.stem}_masks")
    segmentations: dict[int, Path] = {}
    for segmentation in images_in(folder) if folder.is_dir() else []:
        if not segmentation.stem.isdecimal() or int(segmentation.stem) >= length:
            what = f"names no frame of {path.name}, which has {length}"
            raise InputError(segmentation, what, "name masks by frame number from 0: 00000.png")
        segmentations[int(segmentation.stem)] = segmentation
    return segmentations
