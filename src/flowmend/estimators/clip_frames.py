"""The frames of one clip in a DAVIS layout, by position."""

from pathlib import PurePosixPath

import numpy as np

from flowmend.errors import InputError
from flowmend.io.images import read_image
from flowmend.io.layout_zip import Layout


class ClipFrames:
    """Decodes each frame once.

    Args:
        layout: a sequences shard, or any DAVIS layout.
        where: names it in errors.
        name: of the clip.
        images: paths of its frames in the layout, in temporal order.
        members: all paths of the layout.
    """

    def __init__(
        self, layout: Layout, where: object, name: str, images: list[str], members: frozenset[str]
    ) -> None:
        self.layout, self.where, self.name, self.members = layout, where, name, members
        self._paths = images
        self._images: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def stem(self, position: int) -> str:
        """Name of a frame without its suffix."""
        return PurePosixPath(self._paths[position]).stem

    def image(self, position: int) -> np.ndarray:
        """One frame, (3, H, W) uint8 RGB.

        Raises:
            InputError: it is missing or damaged.
        """
        if position not in self._images:
            member = self._paths[position]
            where = f"{self.where}: {member}"
            self._images[position] = read_image(self.layout.read(member), where)
        return self._images[position]


def clips_of(layout: Layout, where: object) -> list[ClipFrames]:
    """All clips of a DAVIS layout, sorted by name.

    Raises:
        InputError: it holds none.
    """
    members = layout.names()
    images: dict[str, list[str]] = {}
    for member in members:
        parts = PurePosixPath(member).parts
        if len(parts) == 4 and parts[:2] == ("JPEGImages", "480p"):
            images.setdefault(parts[2], []).append(member)
    if not images:
        raise InputError(where, "holds no frames in JPEGImages/480p", "make it again")
    everything = frozenset(members)
    return [ClipFrames(layout, where, name, images[name], everything) for name in sorted(images)]
