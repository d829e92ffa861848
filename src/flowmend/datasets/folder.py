"""A plain folder of frames, with masks beside them if there are any.

    <root>/frames/0001.jpg        one sequence, named after <root>
    <root>/masks/0001.png         optional; masks go with the frame of the same stem

or one such folder per sequence:

    <root>/<sequence>/frames/0001.jpg
    <root>/<sequence>/masks/0001.png

Frames may also lie in the sequence's folder itself, without ``frames/``.
"""

from pathlib import Path

from flowmend.datasets.sequences import Sequence, images_in, pair, refuse_gaps, require_folder
from flowmend.errors import InputError


def scan(root: Path) -> list[Sequence]:
    """The sequences of a folder, sorted by name.

    Raises:
        InputError: the folder is missing or holds no frames, a frame is missing.
    """
    require_folder(root, f"link your frames there: ln -s /path/to/folder {root}")
    own = _frames_folder(root)
    if own is not None:
        return [_sequence(root, own)]
    children = sorted(child for child in root.iterdir() if child.is_dir())
    found = [(child, _frames_folder(child)) for child in children]
    sequences = [_sequence(child, frames) for child, frames in found if frames is not None]
    if not sequences:
        remedy = "put frames into frames/ (masks into masks/), or one such folder per sequence"
        raise InputError(root, "holds no .jpg or .png frames", remedy)
    return sequences


def _frames_folder(folder: Path) -> Path | None:
    """Where the frames of a sequence's folder lie, None if it is not one."""
    for candidate in (folder / "frames", folder):
        if candidate.is_dir() and images_in(candidate):
            return candidate
    return None


def _sequence(folder: Path, frames: Path) -> Sequence:
    segmentations = folder / "masks"
    images = images_in(frames)
    refuse_gaps(images)
    paired = pair(images, images_in(segmentations) if segmentations.is_dir() else [], frames)
    return Sequence(folder.name, None, paired)
