"""Fig. 21: the round trip and the shorter of the two on a consistent sequence (3.4.3)."""

import numpy as np
import torch

from flowmend.figures.min_round_trip import Neighbourhood, draw_min_round_trip
from flowmend.geometry.round_trip import occlusion
from flowmend.geometry.warp import warp
from flowmend.io.progress import tracked
from flowmend.stages.drawings.drawing import Drawing, Study, rounded

OPEN_PX = 1.0
_PARTS = ("hidden", "elsewhere")


def shorter_round_trip(study: Study) -> Drawing:
    """Fig. 21: the test frame with the greatest occlusion, and both errors of its flow."""
    moments = [
        _neighbourhood(study, name, frame)
        for name in tracked(study.clips.names, "fig. 21")
        for frame in range(1, study.frames - 1)
    ]
    shown = max(moments, key=lambda m: (int(m.occluded.sum()), m.clip, m.frame))
    here, everywhere = _means([shown]), _means(moments)
    exact = study.clips.estimator(shown.clip) == "exact"
    caption = (
        f"{_source(exact)} at frame {shown.frame} of {shown.clip}. Following a pixel to the next "
        "frame and back (lower left) fails over the whole of what the next frame hides "
        "(outlined). The shorter of this round trip and the one through the previous frame (lower "
        "right, same scale) fails where both do: at borders, whose pixels mix two motions, and in "
        "the little that both neighbours hide. In the outlined area the mean falls from "
        f"{here['hidden'][0]:.2g} to {here['hidden'][1]:.2g} px; over all test frames with two "
        f"neighbours from {everywhere['hidden'][0]:.2g} to {everywhere['hidden'][1]:.2g} px, and "
        f"elsewhere from {everywhere['elsewhere'][0]:.2g} to {everywhere['elsewhere'][1]:.2g} px. "
        "Chosen as the frame with the largest such area, not by its errors."
    )
    return Drawing(
        draw_min_round_trip(shown),
        draw_min_round_trip,
        "Forward–backward error and the shorter of both round trips",
        "21",
        caption,
        study.clips.files("sequences", "flow"),
        facts={
            "clip": shown.clip,
            "frame": shown.frame,
            "mean_fb_and_min_px": here,
            "mean_fb_and_min_of_all_clips_px": everywhere,
        },
    )


def _source(exact: bool) -> str:
    if exact:
        return "The exact flow"
    return f"The estimated flow (hidden: what returns more than {OPEN_PX:g} px off)"


def _neighbourhood(study: Study, name: str, frame: int) -> Neighbourhood:
    clips = study.clips
    forward, b_next = clips.field(name, "forward", frame), clips.field(name, "backward", frame + 1)
    there, back = torch.from_numpy(forward), torch.from_numpy(b_next)
    if clips.estimator(name) == "exact":
        occluded = clips.occlusion(name, frame, forward.shape[1:])
    else:
        occluded = occlusion(there, back, OPEN_PX).numpy()
    occluded &= warp(back, there)[1].numpy()  # what only leaves the frame is another matter
    return Neighbourhood(
        name,
        frame,
        clips.image(name, frame),
        forward,
        clips.field(name, "backward", frame),
        b_next,
        clips.field(name, "forward", frame - 1),
        occluded,
    )


def _means(moments: list[Neighbourhood]) -> dict[str, tuple[float, float]]:
    """Mean forward–backward error and mean shorter round trip, px, by part of the frame."""
    errors = np.stack([moment.errors() for moment in moments], axis=1)
    occluded = np.stack([moment.occluded for moment in moments])
    parts = zip(_PARTS, (occluded, ~occluded))
    return {
        part: (rounded(errors[0][where].mean()), rounded(errors[1][where].mean()))
        for part, where in parts
    }
