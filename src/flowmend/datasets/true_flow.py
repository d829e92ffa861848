"""Pairs of frames with true flow, as Middlebury, MPI-Sintel, FlyingChairs and KITTI lay them out.

Middlebury (Baker et al. 2011); or all three files in one folder
    other-data/<name>/frame10.png, frame11.png
    other-gt-flow/<name>/flow10.flo
MPI-Sintel (Butler et al. 2012): passes clean and final, with occlusions/ and invalid/ beside flow/
    <pass>/<sequence>/frame_0001.png, …
    flow/<sequence>/frame_0001.flo, …
one sequence of it, with gt/occlusions/ and gt/invalid/
    <sequence>/frame_0001.png, …
    <sequence>/gt/frame_0001.flo, …
FlyingChairs (Dosovitskiy et al. 2015), and the pairs of it that come with FlowNet2
    00001_img1.ppm, 00001_img2.ppm, 00001_flow.flo
    0000003-img0.ppm, 0000003-img1.ppm, 0000003-gt.flo
KITTI 2015 (Menze and Geiger); KITTI 2012 has colored_0/ or image_0/ for image_2/
    image_2/000010_10.png, 000010_11.png
    flow_occ/000010_10.png, flow_noc/000010_10.png
or KITTI in one folder
    kitti_000010_10.png, kitti_000010_11.png, kitti_occ_000010_10.png, kitti_noc_000010_10.png

A pair is found by its flow, wherever in a tree it lies; what else lies there does not matter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowmend.datasets.sequences import require_folder
from flowmend.errors import InputError
from flowmend.io.flo import read_flo
from flowmend.io.images import read_segmentation
from flowmend.io.kitti import read_kitti

SINTEL_PASSES = ("clean", "final")
KITTI_FRAMES = ("image_2", "colored_0", "image_0")


@dataclass(frozen=True)
class TrueFlowPair:
    """Where two frames and the flow from the first to the second lie.

    Attributes:
        dataset: "Middlebury", "Sintel", "Sintel clean", "Sintel final", "FlyingChairs" or "KITTI".
        name: unique in the data set's folder.
        frames: both, in one folder.
        flow: ``.flo``, or a KITTI PNG.
        hidden: which pixels the second frame does not show; None where nobody says.
        invalid: which pixels have no valid flow; None where the flow file says it all.
        visible: KITTI's flow of the pixels that both frames show, in place of ``hidden``.
    """

    dataset: str
    name: str
    frames: tuple[Path, Path]
    flow: Path
    hidden: Path | None = None
    invalid: Path | None = None
    visible: Path | None = None


@dataclass(frozen=True)
class TrueFlow:
    """The flow of a pair.

    Attributes:
        flow: (2, H, W) float32, px.
        known: where it is, (H, W) bool.
        visible: where it is and both frames show the point, (H, W) bool; None if nobody says.
    """

    flow: np.ndarray
    known: np.ndarray
    visible: np.ndarray | None


def scan(root: Path) -> list[TrueFlowPair]:
    """All pairs below a folder, sorted by data set and path.

    Raises:
        InputError: it is no folder, holds none, or a frame of one is missing.
    """
    require_folder(root, "give a folder of a data set with true flow (docs/estimators.md)")
    files = sorted(path for path in root.rglob("*") if path.suffix in {".flo", ".png"})
    rules = (_middlebury, _sintel, _flying_chairs, _kitti)
    pairs = [pair for rule in rules for path in files for pair in rule(path)]
    if not pairs:
        what = "holds no true flow as Middlebury, Sintel, FlyingChairs or KITTI lay it out"
        raise InputError(root, what, "see docs/estimators.md for the folders and names")
    for pair in pairs:
        for frame in pair.frames:
            if not frame.is_file():
                raise InputError(frame, f"is missing, a frame of {pair.flow}", "restore it")
    return sorted(pairs, key=lambda pair: pair.dataset)


def read(pair: TrueFlowPair) -> TrueFlow:
    """The true flow of a pair.

    Raises:
        InputError: a file is missing, damaged or of another size, or no pixel is known.
    """
    if pair.flow.suffix == ".png":
        flow, known = read_kitti(pair.flow)
    else:
        flow = read_flo(pair.flow, allow_unknown=True)
        known = ~np.isnan(flow).any(axis=0)
    if pair.invalid is not None:
        known = known & ~_map(pair.invalid, known)
    visible = None
    if pair.hidden is not None:
        visible = known & ~_map(pair.hidden, known)
    elif pair.visible is not None:
        visible = known & _same_size(read_kitti(pair.visible)[1], known, pair.visible)
    if not known.any():
        raise InputError(pair.flow, "holds no pixel of known flow", "fetch or export it again")
    return TrueFlow(np.where(known, flow, np.float32(0)), known, visible)


def _map(path: Path, known: np.ndarray) -> np.ndarray:
    return _same_size(read_segmentation(path) > 0, known, path)


def _same_size(found: np.ndarray, known: np.ndarray, path: Path) -> np.ndarray:
    if found.shape != known.shape:
        (height, width), (rows, columns) = found.shape, known.shape
        what = f"is {width}×{height} px, its flow {columns}×{rows}"
        raise InputError(path, what, "fetch or export it again")
    return found


def _middlebury(path: Path) -> Iterator[TrueFlowPair]:
    if path.name != "flow10.flo":
        return
    folder = path.parent
    if folder.parent.name == "other-gt-flow":
        folder = folder.parent.parent / "other-data" / folder.name
    frames = (folder / "frame10.png", folder / "frame11.png")
    yield TrueFlowPair("Middlebury", folder.name, frames, path)


def _sintel(path: Path) -> Iterator[TrueFlowPair]:
    if not (found := re.fullmatch(r"frame_(\d{4})\.flo", path.name)):
        return
    sequence, maps = path.parent.name, path.parent.parent
    if sequence == "gt":
        places = {"Sintel": path.parent.parent}
        sequence, maps = places["Sintel"].name, path.parent
        beside = [maps / kind / f"{path.stem}.png" for kind in ("occlusions", "invalid")]
    elif maps.name == "flow":
        root = maps.parent
        places = {f"Sintel {kind}": root / kind / sequence for kind in SINTEL_PASSES}
        places = {kind: folder for kind, folder in places.items() if folder.is_dir()} or places
        kinds = ("occlusions", "invalid")
        beside = [root / kind / sequence / f"{path.stem}.png" for kind in kinds]
    else:
        return
    hidden, invalid = (file if file.is_file() else None for file in beside)
    following = f"frame_{int(found[1]) + 1:04d}.png"
    for dataset, folder in places.items():
        frames = (folder / f"{path.stem}.png", folder / following)
        yield TrueFlowPair(dataset, f"{sequence}/{path.stem}", frames, path, hidden, invalid)


def _flying_chairs(path: Path) -> Iterator[TrueFlowPair]:
    for end, names in (
        ("_flow.flo", ("_img1.ppm", "_img2.ppm")),
        ("-gt.flo", ("-img0.ppm", "-img1.ppm")),
    ):
        if path.name.endswith(end):
            number = path.name.removesuffix(end)
            first, second = (path.with_name(number + name) for name in names)
            yield TrueFlowPair("FlyingChairs", number, (first, second), path)


def _kitti(path: Path) -> Iterator[TrueFlowPair]:
    if not (found := re.fullmatch(r"(kitti_occ_)?(\d{6})_10\.png", path.name)):
        return
    prefix, number = found.groups()
    if prefix:
        first, visible = path.with_name(f"kitti_{number}_10.png"), f"kitti_noc_{number}_10.png"
        beside = path.with_name(visible)
    elif path.parent.name == "flow_occ":
        root = path.parent.parent
        folders = [root / name for name in KITTI_FRAMES]
        frames = next((folder for folder in folders if folder.is_dir()), folders[0])
        first, beside = frames / path.name, root / "flow_noc" / path.name
    else:
        return
    second = first.with_name(first.name.replace("_10.", "_11."))
    noc = beside if beside.is_file() else None
    yield TrueFlowPair("KITTI", number, (first, second), path, visible=noc)
