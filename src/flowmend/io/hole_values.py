"""Flow inside the holes of many clips: what the fills add to the flow archive, and no more.

The file is an npz: ``names`` (N), ``labels`` (S), ``offsets`` (N·S + 1) and one array
``fill_<name>`` per fill, float32 (P, T, 2 directions [forward, backward], 2 components), where the
P pixels of one hole stand in C order and the holes follow one another, clip by clip, label by
label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowmend.errors import InputError
from flowmend.io.arrays import position, read_arrays, write_arrays

_ARRAYS = ("names", "labels", "offsets")
_PREFIX = "fill_"


@dataclass(frozen=True)
class HoleValues:
    """Values of several fills in the holes of N clips × S labels.

    Attributes:
        names: the N clips.
        labels: the S hole shapes.
        offsets: (N·S + 1) int64; the hole (n, s) owns rows ``offsets[n·S+s] : offsets[n·S+s+1]``.
        fills: by fill's name, float32 (total pixels, T, 2 directions, 2 components), px.
        where: the file they were read from, for messages.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    offsets: np.ndarray
    fills: dict[str, np.ndarray]
    where: str = "hole values"

    def get(self, fill: str, name: str, label: str) -> np.ndarray:
        """Values of one hole, float32 (P, T, 2 directions, 2 components), px.

        Raises:
            InputError: the file holds no such fill, clip or label.
        """
        if fill not in self.fills:
            raise InputError(
                self.where, f"has no fill {fill!r}", "choose one of " + ", ".join(self.fills)
            )
        n = position(self.names, name, "clip", self.where)
        s = position(self.labels, label, "hole", self.where)
        row = n * len(self.labels) + s
        return self.fills[fill][self.offsets[row] : self.offsets[row + 1]]


def gather(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Values of a clip (T, 2 directions, 2, H, W) inside ``hole`` (H, W): float32 (P, T, 2, 2)."""
    return np.ascontiguousarray(np.moveaxis(flow[..., hole], -1, 0), dtype=np.float32)


def scatter(values: np.ndarray, hole: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Copy of ``flow`` (T, 2 directions, 2, H, W) with ``values`` (P, T, 2, 2) in ``hole`` (H, W).

    The inverse of :func:`gather`: every frame is filled; a setup picks frames afterwards.
    """
    filled = flow.copy()
    filled[..., hole] = np.moveaxis(values, 0, -1)
    return filled


def write_hole_values(
    path: Path | str,
    names: Sequence[str],
    labels: Sequence[str],
    fills: dict[str, list[np.ndarray]],
    frames: int,
) -> None:
    """Write atomically; the same values give the same bytes.

    Args:
        path: the npz.
        names: the N clips.
        labels: the S hole shapes.
        fills: by fill's name, N·S arrays (P, T, 2, 2) of :func:`gather`, clip by clip.
        frames: T, needed when there is no clip at all.
    """
    arrays: dict[str, np.ndarray] = {
        "names": np.array(list(names), dtype=np.str_),
        "labels": np.array(list(labels), dtype=np.str_),
    }
    for fill, holes in fills.items():
        if len(holes) != len(names) * len(labels):
            raise ValueError(f"{fill} has {len(holes)} holes, not {len(names)} × {len(labels)}")
        empty = np.empty((0, frames, 2, 2), np.float32)
        offsets = np.cumsum([0, *(len(hole) for hole in holes)], dtype=np.int64)
        if not np.array_equal(arrays.setdefault("offsets", offsets), offsets):
            raise ValueError(f"{fill} fills other holes than the fills before it")
        arrays[_PREFIX + fill] = np.concatenate([empty, *holes])
    write_arrays(path, arrays, compressed=False)


def read_hole_values(path: Path | str) -> HoleValues:
    """Read a file of :func:`write_hole_values`.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    found = read_arrays(path, _ARRAYS)
    names, labels = tuple(map(str, found["names"])), tuple(map(str, found["labels"]))
    offsets = found["offsets"]
    fills = {k.removeprefix(_PREFIX): v for k, v in found.items() if k.startswith(_PREFIX)}
    rows = len(names) * len(labels) + 1
    if len(offsets) != rows or any(len(values) != offsets[-1] for values in fills.values()):
        raise InputError(path, "holds other holes than it says", "make it anew")
    return HoleValues(names, labels, offsets, fills, str(path))
