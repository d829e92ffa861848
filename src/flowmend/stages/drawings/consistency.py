"""Fig. 21: the round trip and the shorter of the two on a consistent sequence (3.4.3)."""

from collections.abc import Iterator

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
    names = tracked(study.clips.names, "fig. 21")
    moments = [moment for name in names for moment in _neighbourhoods(study, name)]
    shown = max(moments, key=lambda m: (int(m.occluded.sum()), m.clip, m.frame))
    here, everywhere = _means([shown]), _means(moments)
    caption = (
        f"{_source(_truth(study, shown.clip))} at frame {shown.frame} of {shown.clip}. Following "
        "a pixel to the next frame and back (lower left) fails over the whole of what the next "
        "frame hides (outlined). The shorter of this round trip and the one through the previous "
        "frame (lower right, same scale) fails where both do: at borders, whose pixels mix two "
        "motions, and in the little that both neighbours hide. In the outlined area the mean falls "
        "from "
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


def _source(truth: np.ndarray | None) -> str:
    if truth is not None:
        return "The exact flow"
    return f"The estimated flow (hidden: what returns more than {OPEN_PX:g} px off)"


def _truth(study: Study, name: str) -> np.ndarray | None:
    """A rendered clip's exact flow, (T, 2 directions, 2, H, W), px; None for footage."""
    if study.clips.estimator(name) == "exact":
        return study.clips.flow(name, study.frames)
    return study.clips.exact_flow(name, study.frames)


def _neighbourhoods(study: Study, name: str) -> Iterator[Neighbourhood]:
    """Every frame of a clip that has two neighbours."""
    truth = _truth(study, name)
    flow = study.clips.flow(name, study.frames) if truth is None else truth
    forward, backward = (np.ascontiguousarray(flow[:, direction]) for direction in (0, 1))
    for t in range(1, len(flow) - 1):
        there, back = torch.from_numpy(forward[t]), torch.from_numpy(backward[t + 1])
        if truth is None:
            occluded = occlusion(there, back, OPEN_PX).numpy()
        else:
            occluded = study.clips.occlusion(name, t, flow.shape[-2:])
        occluded &= warp(back, there)[1].numpy()  # what only leaves the frame is another matter
        image = study.clips.image(name, t)
        flows = forward[t], backward[t], backward[t + 1], forward[t - 1]
        yield Neighbourhood(name, t, image, *flows, occluded)


def _means(moments: list[Neighbourhood]) -> dict[str, tuple[float, float]]:
    """Mean forward–backward error and mean shorter round trip, px, by part of the frame."""
    errors = np.stack([moment.errors() for moment in moments], axis=1)
    occluded = np.stack([moment.occluded for moment in moments])
    parts = zip(_PARTS, (occluded, ~occluded))
    return {
        part: (rounded(errors[0][where].mean()), rounded(errors[1][where].mean()))
        for part, where in parts
    }
