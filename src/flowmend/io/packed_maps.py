"""Yes-or-no maps (holes, edges) of many clips in one file, one bit a pixel.

The file is a compressed npz that numpy alone can open: ``names`` (N), ``labels`` (S), ``width``,
``version`` and ``bits``, which is ``np.packbits(maps, axis=-1)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowmend.errors import InputError
from flowmend.io.arrays import position, read_arrays, write_arrays

_ARRAYS = ("names", "labels", "width", "version", "bits")


@dataclass(frozen=True)
class PackedMaps:
    """Maps (N, S, …, H, W) of N clips and S labels, held packed.

    Attributes:
        names: the N clips.
        labels: what the S maps of a clip are: hole shapes, or edge sources.
        bits: (N, S, …, H, ceil(W / 8)) uint8, the last axis packed by ``np.packbits``.
        width: W, px.
        version: version of the code that drew the maps.
        where: the file they were read from, for messages.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    bits: np.ndarray
    width: int
    version: int
    where: str = "packed maps"

    @classmethod
    def pack(
        cls, names: Sequence[str], labels: Sequence[str], maps: np.ndarray, version: int
    ) -> "PackedMaps":
        """Pack bool maps of shape (N, S, …, H, W)."""
        if maps.dtype != np.bool_ or maps.shape[:2] != (len(names), len(labels)):
            raise ValueError(f"maps are {maps.dtype} {maps.shape}, not bool (names, labels, …)")
        return cls(tuple(names), tuple(labels), np.packbits(maps, axis=-1), maps.shape[-1], version)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, S, …, H, W) of the unpacked maps."""
        return (*self.bits.shape[:-1], self.width)

    def get(self, name: str, label: str) -> np.ndarray:
        """One map, bool (…, H, W).

        Raises:
            InputError: the file holds no such clip or label.
        """
        n = position(self.names, name, "clip", self.where)
        s = position(self.labels, label, "map", self.where)
        return self._unpack(self.bits[n, s])

    def unpack(self) -> np.ndarray:
        """All maps, bool (N, S, …, H, W)."""
        return self._unpack(self.bits)

    def _unpack(self, bits: np.ndarray) -> np.ndarray:
        return np.unpackbits(bits, axis=-1, count=self.width).view(np.bool_)


def write_packed_maps(path: Path | str, maps: PackedMaps) -> None:
    """Write atomically; the same maps give the same bytes."""
    write_arrays(
        path,
        {
            "names": np.array(maps.names, dtype=np.str_),
            "labels": np.array(maps.labels, dtype=np.str_),
            "width": np.array(maps.width),
            "version": np.array(maps.version),
            "bits": maps.bits,
        },
        compressed=True,
    )


def read_packed_maps(path: Path | str) -> PackedMaps:
    """Read a file of :func:`write_packed_maps`.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    found = read_arrays(path, _ARRAYS)
    names, labels = tuple(map(str, found["names"])), tuple(map(str, found["labels"]))
    bits, width = found["bits"], int(found["width"])
    if bits.shape[:2] != (len(names), len(labels)) or bits.shape[-1] != -(-width // 8):
        raise InputError(path, "holds maps of another shape than it says", "make it anew")
    return PackedMaps(names, labels, bits, width, int(found["version"]), str(path))
