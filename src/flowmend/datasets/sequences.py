"""What a scan of raw data gives: sequences of frame files, in temporal order."""

import re
from collections.abc import Sized
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from flowmend.errors import InputError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class FrameFiles:
    """Where one frame lies.

    Attributes:
        image: the picture, or the video that holds it.
        segmentation: its mask, or None where the frame is not annotated.
        number: which frame of the video, or None for a picture.
    """

    image: Path
    segmentation: Path | None = None
    number: int | None = None

    @property
    def stem(self) -> str:
        """Name of the frame without its suffix."""
        return self.image.stem if self.number is None else f"{self.number:05d}"


@dataclass(frozen=True)
class Sequence:
    """Consecutive frames.

    Attributes:
        name: unique in the dataset.
        split: "train", "test", or None where the dataset has no split of its own.
        frames: in temporal order.
        first: position of ``frames[0]`` in the whole sequence, when this is a part of it.
    """

    name: str
    split: str | None
    frames: tuple[FrameFiles, ...]
    first: int = 0


def require_folder(folder: Path, remedy: str) -> None:
    """Raise an :class:`InputError` with this remedy unless ``folder`` is one."""
    if not folder.is_dir():
        raise InputError(folder, "is not a folder" if folder.exists() else "is missing", remedy)


def natural_order(path: Path) -> list[str | int]:
    """Sort key in which ``frame2`` comes before ``frame10``."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.stem)]


def images_in(folder: Path) -> list[Path]:
    """JPEG and PNG files of a folder in natural order; hidden files are left out.

    Raises:
        InputError: two files differ in their suffix alone.
    """
    found: dict[str, Path] = {}
    for path in folder.iterdir():
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            other = min(path.name, found[path.stem].name)
            raise InputError(path, f"stands beside {other}", "keep one file per frame")
        found[path.stem] = path
    return sorted(found.values(), key=natural_order)


def pair(images: list[Path], segmentations: list[Path], folder: Path) -> tuple[FrameFiles, ...]:
    """Frames with the masks of the same stem.

    Raises:
        InputError: a mask has no frame in ``folder``.
    """
    by_stem = {segmentation.stem: segmentation for segmentation in segmentations}
    orphans = by_stem.keys() - {image.stem for image in images}
    if orphans:
        first = min((by_stem[stem] for stem in orphans), key=natural_order)
        what = f"holds no frame {first.stem}, which {first} annotates"
        raise InputError(folder, what, "restore the frame or remove the mask")
    return tuple(FrameFiles(image, by_stem.get(image.stem)) for image in images)


def refuse_gaps(images: list[Path]) -> None:
    """Frames numbered in even steps must not miss one: flow across a gap would be wrong.

    Raises:
        InputError: a number is missing, names it.
    """
    numbers = [_number(image) for image in images]
    steps = [b - a for a, b in pairwise(numbers)]
    if not steps or steps.count(min(steps)) * 2 < len(steps):
        return
    for image, number, step in zip(images, numbers, steps):
        if step != min(steps):
            missing = str(number + min(steps)).zfill(len(_digits(image)))
            raise InputError(
                image.parent, f"frame {missing} is missing", "restore it or renumber the frames"
            )


def require_frames(name: str, frames: Sized, folder: Path) -> None:
    """Raise an :class:`InputError` for a sequence without a single frame."""
    if not frames:
        raise InputError(
            folder, f"sequence {name} has no frames", "restore them or remove the sequence"
        )


def _digits(path: Path) -> str:
    found = re.search(r"\d+$", path.stem)
    return found[0] if found else ""


def _number(path: Path) -> int:
    return int(_digits(path) or 0)
