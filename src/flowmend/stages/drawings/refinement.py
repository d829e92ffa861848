"""Figures of flow refined step by step, each with an animation: 19, 20, 22 to 25 (3.4 to 3.6)."""

from collections.abc import Callable

from matplotlib.figure import Figure

from flowmend.figures.animations import animate
from flowmend.figures.early_steps import draw_steps
from flowmend.figures.refinement import Refinement, draw_refined, refined_at_each_step
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.drawings.mended_cases import clip_of
from flowmend.stages.drawings.refined_cases import (
    SHARDS,
    first_inpainter,
    first_weights,
    iterative_block,
    refined,
    typical_case,
)

_SCALE = (
    "One colour scale for all flows and steps; what is faster than the wheel's rim is dimmed. "
    "Confidence has no unit. Frames count from 0; only the part of the frame around the hole is "
    "shown."
)
_LAYOUT = (
    "Forward flows, backward flows and confidences of all frames after the last refinement step, "
    "and the true flows at the bottom. Numbers are means in the hole of each frame; errors are "
    "end-point errors."
)


def last_step_only(study: Study) -> Drawing:
    """Fig. 19: every step of a network whose L1 loss looks at the last step only.

    Raises:
        InputError: there is no such experiment, or its weights are missing or damaged.
    """
    words = (
        "Forward flow after each refinement step of a network whose L1 loss in the hole looks at "
        "the last step only: nothing holds the steps before it to the truth, and the report saw "
        "them hallucinate large flows. Beside each row, mean and greatest speed and mean "
        "confidence in the holes of all frames; the true flow comes last."
    )
    title = "L1 at the last step only, step by step"
    return _drawing(study, "refine_last_step", "19", title, words, draw_steps)


def confidence_weighted(study: Study) -> Drawing:
    """Fig. 20: the final step under an L1 loss that is weighted by the confidence.

    Raises:
        InputError: as :func:`last_step_only`.
    """
    words = f"{_LAYOUT} The L1 loss in the hole was weighted by the network's own confidence."
    return _drawing(study, "refine_weighted", "20", "L1 weighted by the confidence", words)


def architecture_1(study: Study) -> Drawing:
    """Fig. 22: architecture 1, power mean, L1 at every step after eq. 4.

    Raises:
        InputError: as :func:`last_step_only`.
    """
    title = "Architecture 1, power mean, scheduled L1"
    return _drawing(study, "refine", "22", title, f"{_LAYOUT} {_losses(1, 'L1')}")


def round_trip(study: Study) -> Drawing:
    """Fig. 23: as Fig. 22 with the loss of the lesser of both round trips.

    Raises:
        InputError: as :func:`last_step_only`.
    """
    title = "Architecture 1, power mean, scheduled L1 and min round trip"
    words = f"{_LAYOUT} {_losses(1, 'L1 and min round trip')}"
    return _drawing(study, "refine_round_trip", "23", title, words)


def total_variation(study: Study) -> Drawing:
    """Fig. 24: as Fig. 22 with total variation, in the setup ``sandwich``.

    Raises:
        InputError: as :func:`last_step_only`.
    """
    title = "Architecture 1, power mean, scheduled L1 and total variation, sandwich"
    words = f"{_LAYOUT} {_losses(1, 'L1 and total variation')}"
    return _drawing(study, "refine_tv_sandwich", "24", title, words)


def architecture_2(study: Study) -> Drawing:
    """Fig. 25: architecture 2 with the losses of Fig. 23.

    Raises:
        InputError: as :func:`last_step_only`.
    """
    title = "Architecture 2, power mean, scheduled L1 and min round trip"
    words = f"{_LAYOUT} {_losses(2, 'L1 and min round trip')}"
    return _drawing(study, "refine_architecture2", "25", title, words)


def _losses(architecture: int, losses: str) -> str:
    return (
        f"Architecture {architecture}, confidence by the power mean; the losses of every step are "
        f"{losses}, weighted after eq. 4."
    )


def _drawing(
    study: Study,
    name: str,
    number: str,
    title: str,
    words: str,
    draw: Callable[[Refinement], Figure] = draw_refined,
) -> Drawing:
    block, inpainter = iterative_block(study, name), first_inpainter(study, name)
    case, rule = typical_case(study)
    clip = clip_of(study, case, block.setup)
    shown = refined(clip, case[1], inpainter.trace(clip))
    first, last = shown.mean_error(0), shown.mean_error(shown.steps)
    caption = (
        f"{words} Mean error over all frames and both directions: {first:.2f} px in the "
        f"{block.fill} fill, {last:.2f} px after {shown.steps} steps. {_SCALE} {rule}"
    )
    return Drawing(
        draw(shown),
        draw,
        title,
        number,
        caption,
        [*study.clips.files(*SHARDS), first_weights(study, name)],
        [name],
        _facts(shown),
        animate(refined_at_each_step(shown)),
    )


def _facts(case: Refinement) -> dict[str, object]:
    steps = range(case.steps + 1)
    return {
        "clip": case.clip,
        "hole": case.shape,
        "mean_error_in_hole_px": [rounded(case.mean_error(step)) for step in steps],
        "mean_forward_speed_in_hole_px": [rounded(float(case.speeds(s).mean())) for s in steps],
        "true_mean_forward_speed_in_hole_px": rounded(float(case.speeds(None).mean())),
        "mean_confidence_in_hole": [rounded(case.mean_confidence(step)) for step in steps],
    }
