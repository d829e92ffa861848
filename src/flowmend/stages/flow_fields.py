"""Which flow of a clip the pipeline keeps, and what each field is called."""

from collections.abc import Iterator

import numpy as np

from flowmend.datasets.clips import CONTEXT_FRAMES
from flowmend.errors import InputError
from flowmend.estimators import ClipFrames, Estimator

STEPS = {"forward": 1, "backward": -1}


def flow_fields(
    clip: ClipFrames, flow_frames: int, estimator: Estimator
) -> Iterator[tuple[str, np.ndarray]]:
    """Keys of the archive and flow of every flow frame, both ways, px of the clip's own grid.

    Flow frame t is video frame t + 1: it has a frame before and one after it.

    Raises:
        InputError: the clip has another number of frames.
    """
    if len(clip) != flow_frames + CONTEXT_FRAMES:
        raise InputError(
            f"{clip.where}: {clip.name}",
            f"has {len(clip)} frames instead of {flow_frames + CONTEXT_FRAMES}",
            "run the sequences stage again",
        )
    fields = [(direction, t) for direction in STEPS for t in range(flow_frames)]
    pairs = [(t + 1, t + 1 + STEPS[direction]) for direction, t in fields]
    for (direction, t), flow in zip(fields, estimator(clip, pairs), strict=True):
        yield f"{clip.name}/{direction}/{t}", flow
