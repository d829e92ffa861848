"""The synthetic set's own flow, which lies beside its frames."""

import numpy as np

from flowmend.errors import InputError
from flowmend.estimators.clip_frames import ClipFrames
from flowmend.io.flo import decode_flo


def is_known(clip: ClipFrames) -> bool:
    """Whether the clip was rendered: nobody knows the true flow of footage."""
    return any(member.startswith(f"Flow/forward/{clip.name}/") for member in clip.members)


def read(clip: ClipFrames, source: int, target: int) -> np.ndarray:
    """Flow from frame ``source`` to its neighbour ``target``, (2, H, W) float32, px.

    Of a grid of its own, where the frames were rendered larger.

    Raises:
        InputError: the clip has no true flow, or the file is damaged or not finite.
    """
    direction = "forward" if target > source else "backward"
    member = f"Flow/{direction}/{clip.name}/{clip.stem(source)}.flo"
    where = f"{clip.where}: {member}"
    if member not in clip.members:
        raise InputError(where, "is missing: no true flow", "set flow.estimator to dis")
    return decode_flo(clip.layout.read(member), where)
