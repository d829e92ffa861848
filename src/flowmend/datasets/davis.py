"""DAVIS 2016 and 2017 at 480p (Perazzi et al. 2016, Pont-Tuset et al. 2017).

<root>/JPEGImages/480p/bear/00000.jpg
<root>/Annotations/480p/bear/00000.png
<root>/ImageSets/2017/{train,val}.txt      one name a line
<root>/ImageSets/2016/{train,val}.txt      the same, or one line "/JPEGImages/480p/bear/00000.jpg
<root>/ImageSets/480p/{train,val}.txt      /Annotations/480p/bear/00000.png" a frame, as in 2016
"""

from collections.abc import Iterable
from pathlib import Path

from flowmend.datasets.sequences import (
    Sequence,
    images_in,
    pair,
    refuse_gaps,
    require_folder,
    require_frames,
)
from flowmend.errors import InputError

LIST_FOLDERS = {2016: ("2016", "480p"), 2017: ("2017",)}
LIST_NAMES = {"train": "train.txt", "test": "val.txt"}


def scan(root: Path, year: int, splits: Iterable[str] = ("train", "test")) -> list[Sequence]:
    """Sequences of the official lists, sorted by name; ``test`` is DAVIS's ``val``.

    Args:
        root: the folder that holds JPEGImages, Annotations and ImageSets.
        year: 2016 or 2017, chooses the lists. Masks are read as they are in the tree.
        splits: which lists to read.

    Raises:
        InputError: a folder, list, frame or mask is missing.
    """
    require_folder(root, f"link the dataset there: ln -s /path/to/DAVIS {root}")
    for part in ("JPEGImages", "Annotations"):
        remedy = f"{root} must be the folder that holds JPEGImages and Annotations at 480p"
        require_folder(root / part / "480p", remedy)
    return [
        _sequence(root, name, split)
        for split in splits
        for name in sorted(set(_listed(root, year, split)))
    ]


def _listed(root: Path, year: int, split: str) -> list[str]:
    candidates = [root / "ImageSets" / f / LIST_NAMES[split] for f in LIST_FOLDERS[year]]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        other = 2016 if year == 2017 else 2017
        remedy = f"restore it, or set the dataset to davis{other}"
        raise InputError(candidates[0], f"is missing: no list of DAVIS {year}", remedy)
    entries = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
    if not entries:
        raise InputError(path, "is empty", "restore the list")
    return [Path(entry).parent.name if "/" in entry else entry for entry in entries]


def _sequence(root: Path, name: str, split: str) -> Sequence:
    frames = root / "JPEGImages" / "480p" / name
    segmentations = root / "Annotations" / "480p" / name
    for folder in (frames, segmentations):
        require_folder(folder, f"restore it or take {name} out of the {split} list")
    images = images_in(frames)
    require_frames(name, images, frames)
    paired = pair(images, images_in(segmentations), frames)
    refuse_gaps(images)
    for frame in paired:
        if frame.segmentation is None:
            raise InputError(segmentations / f"{frame.stem}.png", "is missing", "restore the mask")
    return Sequence(name, split, paired)
