"""Small raw data sets in every layout, for the tests of datasets and of the stages."""

import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import yaml

from flowmend.io.images import encode_jpeg, encode_png, encode_segmentation
from flowmend.params import Params

HEIGHT, WIDTH = 48, 80


def picture(shift: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A smooth texture, moved right by ``shift`` px: (3, H, W) uint8."""
    noise = np.random.default_rng(0).normal(size=(3, 128, 512)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), 2) for plane in noise])
    levels = np.clip(smooth / smooth.std() * 50 + 128, 0, 255).astype(np.uint8)
    left = 256 - shift
    return levels[:, :height, left : left + width]


def object_ids(shift: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Two rectangles, objects 1 and 2."""
    ids = np.zeros((height, width), np.uint8)
    ids[8:24, 8 + shift : 30 + shift] = 1
    ids[30:40, 40:60] = 2
    return ids


def write(path: Path, data: bytes) -> None:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_sequence(
    frames: Path, segmentations: Path, stems: Iterable[str], every: int = 1, suffix: str = ".jpg"
) -> None:
    """Frames, and a segmentation for one frame in ``every``."""
    encode = encode_png if suffix == ".png" else encode_jpeg
    for n, stem in enumerate(stems):
        write(frames / f"{stem}{suffix}", encode(picture(n)))
        if n % every == 0:
            write(segmentations / f"{stem}.png", encode_segmentation(object_ids(n)))


def davis_tree(root: Path, train: dict[str, int], test: dict[str, int]) -> Path:
    """DAVIS 2017; lengths by sequence name."""
    for name, length in (train | test).items():
        stems = [f"{n:05d}" for n in range(length)]
        parts = (root / part / "480p" / name for part in ("JPEGImages", "Annotations"))
        write_sequence(*parts, stems)
    for file, names in (("train.txt", train), ("val.txt", test)):
        write(root / "ImageSets/2017" / file, "".join(f"{name}\n" for name in names).encode())
    return root


def youtube_vos_tree(root: Path, lengths: dict[str, int], all_frames: bool = False) -> Path:
    """YouTube-VOS train; ``lengths`` count annotated frames, every fifth of the video."""
    videos = {}
    for name, length in lengths.items():
        stems = [f"{5 * n:05d}" for n in range(length)]
        write_sequence(root / "train/JPEGImages" / name, root / "train/Annotations" / name, stems)
        every = root / "train_all_frames/JPEGImages" / name
        for n in range(5 * length - 4 if all_frames else 0):
            write(every / f"{n:05d}.jpg", encode_jpeg(picture(n)))
        videos[name] = {"objects": {"1": {"category": "penguin", "frames": stems}}}
    write(root / "train/meta.json", json.dumps({"videos": videos}).encode())
    return root


def params_with(
    project: Path, data: dict, flow: dict | None = None, scale: str = "smoke"
) -> Params:
    """``params.yaml`` with some keys of one scale replaced."""
    raw = yaml.safe_load((project / "params.yaml").read_text())
    raw["scales"][scale]["data"] |= data
    raw["scales"][scale]["flow"] |= flow or {}
    return Params.model_validate(raw)
