"""Small trees of true flow in each data set's own folders, of a texture that moves as a whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from flowmend.io.flo import write_flo
from flowmend.io.images import encode_png
from flowmend.io.kitti import write_kitti

HEIGHT, WIDTH, MARGIN = 64, 80, 8
MOTION = (3, -2)


def frames(count: int = 2) -> list[np.ndarray]:
    """Pictures (3, H, W) uint8; what they show moves by ``MOTION`` px each time."""
    noise = np.random.default_rng(0).normal(size=(HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN))
    texture = gaussian_filter(noise, 2)
    texture = np.rint(255 * (texture - texture.min()) / np.ptp(texture)).astype(np.uint8)
    corners = [(MARGIN - k * MOTION[1], MARGIN - k * MOTION[0]) for k in range(count)]
    cut = [texture[y : y + HEIGHT, x : x + WIDTH] for y, x in corners]
    return [np.stack([picture] * 3) for picture in cut]


def flow() -> np.ndarray:
    """Their true flow, (2, H, W) float32, px."""
    field = np.array(MOTION, np.float32)[:, None, None]
    return np.broadcast_to(field, (2, HEIGHT, WIDTH)).copy()


def left_out(columns: int) -> np.ndarray:
    """The leftmost columns, bool (H, W)."""
    return np.broadcast_to(np.arange(WIDTH) < columns, (HEIGHT, WIDTH))


def middlebury(root: Path) -> None:
    """One pair; the flow of 4 columns is unknown."""
    unknown = np.where(left_out(4), np.nan, flow())
    _flo(root / "other-gt-flow/Grove2/flow10.flo", unknown)
    _pictures(root / "other-data/Grove2", "frame10.png", "frame11.png")


def sintel(root: Path) -> None:
    """Both passes of one pair; 8 columns are hidden and 2 not valid."""
    name = "alley_1/frame_0007"
    _flo(root / f"training/flow/{name}.flo", flow())
    for kind in ("clean", "final"):
        _pictures(root / "training" / kind / "alley_1", "frame_0007.png", "frame_0008.png")
    _map(root / f"training/occlusions/{name}.png", left_out(8))
    _map(root / f"training/invalid/{name}.png", left_out(2))


def sintel_sequence(root: Path) -> None:
    """A sequence of its own: two pairs, the second without maps."""
    _pictures(root / "cave_2", *(f"frame_000{number}.png" for number in (1, 2, 3)))
    for number in (1, 2):
        _flo(root / f"cave_2/gt/frame_000{number}.flo", flow())
    _map(root / "cave_2/gt/occlusions/frame_0001.png", left_out(8))
    _map(root / "cave_2/gt/invalid/frame_0001.png", left_out(2))
    _map(root / "cave_2/gt/frame_0002.png", left_out(3))  # a picture of the flow, no frame


def flying_chairs(root: Path) -> None:
    """A pair by the data set's names, and one by those of the pairs that come with FlowNet2."""
    _pictures(root / "data", "00012_img1.ppm", "00012_img2.ppm")
    _flo(root / "data/00012_flow.flo", flow())
    _pictures(root / "examples", "0000003-img0.ppm", "0000003-img1.ppm")
    _flo(root / "examples/0000003-gt.flo", flow())


def kitti(root: Path) -> None:
    """One pair of sparse flow, 40 columns of it, and 32 that both frames show."""
    _pictures(root / "training/image_2", "000010_10.png", "000010_11.png")
    for kind, columns in (("occ", 40), ("noc", 48)):
        path = root / f"training/flow_{kind}/000010_10.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_kitti(path, flow(), ~left_out(columns))


def kitti_flat(root: Path) -> None:
    """The same in one folder."""
    _pictures(root, "kitti_000010_10.png", "kitti_000010_11.png")
    for kind, columns in (("occ", 40), ("noc", 48)):
        write_kitti(root / f"kitti_{kind}_000010_10.png", flow(), ~left_out(columns))


TREES: dict[str, tuple[Callable[[Path], None], list[tuple[str, str]]]] = {
    "middlebury": (middlebury, [("Middlebury", "Grove2")]),
    "sintel": (
        sintel,
        [("Sintel clean", "alley_1/frame_0007"), ("Sintel final", "alley_1/frame_0007")],
    ),
    "sintel_sequence": (
        sintel_sequence,
        [("Sintel", "cave_2/frame_0001"), ("Sintel", "cave_2/frame_0002")],
    ),
    "flying_chairs": (flying_chairs, [("FlyingChairs", "00012"), ("FlyingChairs", "0000003")]),
    "kitti": (kitti, [("KITTI", "000010")]),
    "kitti_flat": (kitti_flat, [("KITTI", "000010")]),
}
"""What makes a tree, and data set and name of each pair in it."""


def _pictures(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in zip(names, frames(len(names))):
        if name.endswith(".ppm"):
            Image.fromarray(picture.transpose(1, 2, 0)).save(folder / name)
        else:
            (folder / name).write_bytes(encode_png(picture))


def _flo(path: Path, field: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_flo(path, field)


def _map(path: Path, where: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(where.astype(np.uint8) * 255))
