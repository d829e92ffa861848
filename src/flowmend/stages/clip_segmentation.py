"""Segmentations of a clip in a sequences shard."""

import numpy as np

from flowmend.estimators.clip_frames import ClipFrames
from flowmend.io.images import read_segmentation


def segmentation(clip: ClipFrames, position: int) -> np.ndarray | None:
    """Object ids (h, w) of one video frame, at its own size; None if it is not annotated."""
    member = f"Annotations/480p/{clip.name}/{clip.stem(position)}.png"
    if member not in clip.members:
        return None
    return read_segmentation(clip.layout.read(member), f"{clip.where}: {member}")


def first_segmentation(clip: ClipFrames) -> np.ndarray | None:
    """The first segmentation of the clip that shows an object; None if there is none."""
    for position in range(len(clip)):
        ids = segmentation(clip, position)
        if ids is not None and ids.any():
            return ids
    return None
