"""Figures of flow mended under several losses: 5, 7 and 8 (2.2.7 and 2.3)."""

import pandas as pd

from flowmend.errors import InputError
from flowmend.figures.completions import draw_inpainting, draw_settings
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.drawings.experiment_words import lambda_words
from flowmend.stages.drawings.mended_cases import (
    CROSSED,
    Case,
    at_share,
    crossed_by_error,
    flow_experiment,
    inputs_of,
    mended_clip,
    shown_frame,
)

JUDGE = "lambda_1_0_0"  # whose median error picks the clip of Figs. 5, 7 and 8
WITHOUT, WITH = "lambda_1_1_0", "lambda_1_1_01"
SETTINGS = ("lambda_0_1_0", "lambda_0_0_01", WITHOUT, WITH, JUDGE)


def without_adversary(study: Study) -> Drawing:
    """Fig. 5: all frames of one clip under λ = (1, 1, 0).

    Raises:
        InputError: tables or weights are missing or damaged.
    """
    return _inpainting(study, WITHOUT, "5")


def with_adversary(study: Study) -> Drawing:
    """Fig. 7: the clip of Fig. 5 under λ = (1, 1, 0.1).

    Raises:
        InputError: as :func:`without_adversary`.
    """
    return _inpainting(study, WITH, "7")


def _inpainting(study: Study, name: str, number: str) -> Drawing:
    case, rule = _common_case(study)
    shown = mended_clip(study, case, [WITHOUT, WITH])
    words = lambda_words(flow_experiment(study, name))
    errors = {
        f"frame {t}": rounded(shown.mean_error(name, t))
        for t in range(study.frames)
        if shown.hole[t].any()
    }
    caption = (
        f"Forward flow of all frames of {case[0]} with a hole ({case[1]}) in the two middle "
        f"ones, mended by the U-Net that was trained with {words}, the weights of the L1, "
        "forward–backward and PatchGAN losses. One colour scale for all flows. Errors are "
        "end-point errors in the hole, on one scale in Figs. 5 and 7; their means are written "
        "below. Frames count from 0; only the part of the frame around the hole is shown. "
        f"{rule}"
    )
    return Drawing(
        draw_inpainting(shown, name),
        draw_inpainting,
        f"Inpainting two frames with {words}",
        number,
        caption,
        inputs_of(study, [WITHOUT, WITH]),
        [name],
        {"clip": case[0], "hole": case[1], "mean_error_in_hole_px": errors},
    )


def settings_compared(study: Study) -> Drawing:
    """Fig. 8: the report's five settings of λ on the clip of Figs. 5 and 7, and the truth.

    Raises:
        InputError: tables or weights are missing or damaged.
    """
    case, rule = _common_case(study)
    frame = shown_frame(study)
    shown = mended_clip(study, case, SETTINGS)
    summary = pd.read_csv(study.layout.summary)
    titles = {name: lambda_words(flow_experiment(study, name)) for name in SETTINGS}
    here = {name: rounded(shown.mean_error(name, frame)) for name in SETTINGS}
    notes = {name: f"{here[name]:.2f} px here; {_over_all(summary, name)}" for name in SETTINGS}
    caption = (
        f"Forward flow of frame {frame} of {case[0]} as five U-Nets mend it, which differ in the "
        "weights λ of the L1, forward–backward and PatchGAN losses alone. Below each, its mean "
        "end-point error in this frame's hole, and over all test cases (both directions and both "
        f"frames) with the 95 % interval of a bootstrap over clips. {rule}"
    )
    return Drawing(
        draw_settings(shown, frame, "λ = (L1, forward–backward, PatchGAN)", titles, notes),
        draw_settings,
        "Five settings of λ on the same hole",
        "8",
        caption,
        [*inputs_of(study, SETTINGS), study.layout.summary],
        SETTINGS,
        {"clip": case[0], "hole": case[1], "frame": frame, "mean_error_in_hole_px": here},
    )


def _common_case(study: Study) -> tuple[Case, str]:
    ordered = crossed_by_error(study, JUDGE)
    words = lambda_words(flow_experiment(study, JUDGE))
    rule = (
        f"The clip of Figs. 5, 7 and 8 is the one on which {words} has its median error among the "
        f"{len(ordered)} test holes in which {CROSSED}."
    )
    return at_share(ordered, 0.5), rule


def _over_all(summary: pd.DataFrame, name: str) -> str:
    rows = summary[(summary["method"] == name) & (summary["kind"] == "network")]
    if rows.empty:
        raise InputError("summary.csv", f"does not hold {name}", "evaluate it again")
    row = rows.iloc[0]
    value, low, high = (float(row[k]) for k in ("epe_hole_px", "epe_hole_low", "epe_hole_high"))
    return f"all: {value:.2f} px [{low:.2f}, {high:.2f}]"
