"""The files of indexed clips: checked against the index, decoded once, ready for a DAVIS layout."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from flowmend.datasets.index_file import file_hash
from flowmend.datasets.segmentation import fit_to_frame, keep_objects
from flowmend.errors import InputError
from flowmend.io.images import encode_png, encode_segmentation, read_image, read_segmentation
from flowmend.io.video import read_video

SUFFIX_BY_MAGIC = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg"}


@dataclass(frozen=True)
class Picture:
    """One frame as it goes into the layout; ``shape`` is (H, W)."""

    data: bytes
    suffix: str
    shape: tuple[int, int]


class RawClips:
    """Reads the clips of one split.

    Args:
        folder: that the index's paths are relative to.
        objects: ids to keep in the segmentations, or "all".
        remedy: what to do when a raw file changed since it was indexed.
    """

    def __init__(self, folder: Path, objects: Collection[int] | str, remedy: str) -> None:
        self._folder, self._objects, self._remedy = folder, objects, remedy
        self._video: tuple[str, VideoWindow] | None = None

    def members(self, clip: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
        """Paths and bytes of the clip's frames and segmentations; frames keep their bytes.

        Frames of a video become PNGs. Clips of one video are read in the order of the index.

        Raises:
            InputError: a file is missing, changed, damaged or of another size, or no mask of the
                clip holds a chosen object.
        """
        frames = clip["frames"]
        in_video = "number" in frames[0]
        pictures = self._from_video(frames) if in_video else [self._picture(f) for f in frames]
        self._require_one_size(frames, pictures)
        segmentations = [self._segmentation(f, p.shape) for f, p in zip(frames, pictures)]
        self._require_objects(clip, segmentations)
        for stem, picture, ids in zip(_stems(frames), pictures, segmentations):
            yield f"JPEGImages/480p/{clip['name']}/{stem}{picture.suffix}", picture.data
            if ids is not None:
                yield f"Annotations/480p/{clip['name']}/{stem}.png", encode_segmentation(ids)

    def _picture(self, frame: dict[str, Any]) -> Picture:
        path = self._folder / frame["image"]
        data = self._verified(path, frame["sha256"])
        shape = read_image(data, path).shape[1:]
        suffix = next((s for magic, s in SUFFIX_BY_MAGIC.items() if data.startswith(magic)), None)
        if suffix is None:
            raise InputError(path, "is neither JPEG nor PNG", "save it as one of them")
        return Picture(data, suffix, (shape[0], shape[1]))

    def _from_video(self, frames: list[dict[str, Any]]) -> list[Picture]:
        relpath = frames[0]["image"]
        if self._video is None or self._video[0] != relpath:
            path = self._folder / relpath
            if file_hash(path) != frames[0]["sha256"]:
                raise self._changed(path)
            self._video = relpath, VideoWindow(path)
        images = self._video[1].read([frame["number"] for frame in frames])
        return [Picture(encode_png(image), ".png", image.shape[1:]) for image in images]

    def _segmentation(self, frame: dict[str, Any], shape: tuple[int, int]) -> np.ndarray | None:
        if frame["segmentation"] is None:
            return None
        path = self._folder / frame["segmentation"]
        data = self._verified(path, frame["segmentation_sha256"])
        ids = fit_to_frame(read_segmentation(data, path), *shape, path)
        return ids if isinstance(self._objects, str) else keep_objects(ids, self._objects)

    def _require_one_size(self, frames: list[dict[str, Any]], pictures: list[Picture]) -> None:
        for frame, picture in zip(frames, pictures):
            if picture.shape != pictures[0].shape:
                (height, width), (first_height, first_width) = picture.shape, pictures[0].shape
                raise InputError(
                    self._folder / frame["image"],
                    f"frame of another size: {width}×{height} px, "
                    f"{frames[0]['image']} has {first_width}×{first_height} px",
                    "restore the frame",
                )

    def _require_objects(
        self, clip: dict[str, Any], segmentations: list[np.ndarray | None]
    ) -> None:
        """An object may leave single frames, but not be missing from the whole clip."""
        if isinstance(self._objects, str) or any(s is not None and s.any() for s in segmentations):
            return
        paths = [f["segmentation"] for f in clip["frames"] if f["segmentation"] is not None]
        if not paths:
            where, what = clip["frames"][0]["image"], "has no masks to choose objects from"
        else:
            wanted = ", ".join(map(str, self._objects))
            where, what = paths[0], f"shows none of the chosen objects ({wanted})"
        what = f"{what} in clip {clip['name']}"
        raise InputError(self._folder / where, what, "change data.objects, or set it to all")

    def _verified(self, path: Path, digest: str) -> bytes:
        try:
            data = path.read_bytes()
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise InputError(path, what, f"restore it, or {self._remedy}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise self._changed(path)
        return data

    def _changed(self, path: Path) -> InputError:
        return InputError(path, "changed since it was indexed", self._remedy)


class VideoWindow:
    """Frames of a video, asked for in windows that only move forward: it is decoded once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames = enumerate(read_video(path))
        self._kept: dict[int, np.ndarray] = {}

    def read(self, numbers: list[int]) -> list[np.ndarray]:
        """Frames of these rising numbers, (3, H, W) uint8 each.

        Raises:
            InputError: the video ends before them.
        """
        self._kept = {n: image for n, image in self._kept.items() if n >= numbers[0]}
        while numbers[-1] not in self._kept:
            number, image = next(self._frames, (None, None))
            if number is None or image is None:
                raise InputError(
                    self._path, f"ends before frame {numbers[-1]}", "run the index stage again"
                )
            if number >= numbers[0]:
                self._kept[number] = image
        return [self._kept[number] for number in numbers]


def _stems(frames: list[dict[str, Any]]) -> list[str]:
    """Names of the frames, which must sort in temporal order: unpadded numbers are replaced."""
    if "number" in frames[0]:
        return [f"{frame['number']:05d}" for frame in frames]
    stems = [PurePosixPath(frame["image"]).stem for frame in frames]
    return stems if stems == sorted(stems) else [f"{n:05d}" for n in range(len(stems))]
