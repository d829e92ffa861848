"""Figures of the forward–backward sanity check: 2 and 3b (2.2.3, 2.2.4)."""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from flowmend.errors import InputError
from flowmend.evaluation.backward_flow import judge, rows, way_to_truth
from flowmend.evaluation.pair_motion import (
    MOVING_PX,
    Clips,
    PairMotion,
    choose_pairs,
    most_occluded,
    occlusions,
)
from flowmend.figures.backward_flow import (
    PredictedPair,
    draw_occlusion_example,
    draw_sanity_check,
)
from flowmend.params import BackwardFlowExperiment
from flowmend.stages.build import Trained, load_network
from flowmend.stages.drawings.drawing import Drawing, Study, rounded

LEAST_SHARE = 0.05


def backward_flow_from_forward(study: Study) -> Drawing:
    """Fig. 2: a pair of small and a pair of large motion, with what the network makes of them.

    Raises:
        InputError: there is no such experiment, or its weights are damaged.
    """
    weights, model = _backward_predictor(study)
    clips = _clips(study)
    good, bad = choose_pairs(clips, LEAST_SHARE)
    shares = _warped_shares(model, clips)
    shown = {word: _measured(model, clips, pair) for word, pair in (("good", good), ("bad", bad))}
    caption = (
        "A network sees the forward flow of frame t and predicts the backward flow of frame t+1, "
        "taught by the forward–backward error alone. To do so it must turn the motion round and "
        "move every silhouette to where it is one frame later; minus the input, unmoved, would be "
        f"a copy. Where truth and copy differ by more than {MOVING_PX} px they differ by "
        f"{good.step_px:.2g} px in (a), and the output is {shown['good']['epe_moving_px']:.2g} px "
        f"from the truth and {shown['good']['copy_moving_px']:.2g} px from the copy; in (b) these "
        f"are {bad.step_px:.2g}, {shown['bad']['epe_moving_px']:.2g} and "
        f"{shown['bad']['copy_moving_px']:.2g} px. Over all test clips the share of such pixels "
        f"that are nearer to the truth is {_in_words(shares)}. The pairs were picked by their true "
        "motion, not by what the network makes of it: (a) has the smallest difference in the third "
        "of the clips with the slowest flow, (b) the largest in the fastest third, both among the "
        f"pairs where it concerns at least {LEAST_SHARE:.0%} of the pixels."
    )
    return Drawing(
        draw_sanity_check(_pair(model, clips, good), _pair(model, clips, bad)),
        draw_sanity_check,
        "Backward flow predicted from forward flow by the forward–backward error alone",
        "2",
        caption,
        [*study.clips.files("flow"), weights],
        [model.name],
        {**shown, "share_nearer_to_truth": shares},
    )


def occlusion_example(study: Study) -> Drawing:
    """Fig. 3b: the pair of the greatest occlusions, as the network of Fig. 2 sees it.

    Raises:
        InputError: there is no such experiment, or its weights are damaged.
    """
    weights, model = _backward_predictor(study)
    clips = _clips(study)
    name, frame = most_occluded(clips)
    pair = _pair(model, clips, PairMotion(name, frame, np.nan, np.nan))
    truth = torch.from_numpy(pair.forward), torch.from_numpy(pair.backward_next)
    regions = occlusions(*truth)
    areas = {"covered": regions.covered, "uncovered": regions.uncovered}
    areas["elsewhere"] = ~(regions.covered | regions.uncovered)
    predicted = torch.from_numpy(pair.predicted)
    error, way = {}, {}
    for word, area in areas.items():
        error[word] = rounded(float(pair.error()[area].mean()))
        way[word] = rounded(way_to_truth(predicted, *truth, torch.from_numpy(area)))
    caption = (
        f"The network of Fig. 2 on frames {frame} and {frame + 1} of {name}, the test pair whose "
        "motion covers and uncovers most pixels. Where something comes to cover the background "
        "(solid outline) two motions arrive at one place, and to the forward–backward error any "
        "mixture of the two is as good as either; where the background becomes visible (dotted) "
        "nothing arrives, and any flow is as good as any other. Of the way from the unmoved copy "
        f"to the truth the output goes {way['covered']:.0%} in the first, {way['uncovered']:.0%} "
        f"in the second. Mean end-point error: {error['covered']:.2g} px, "
        f"{error['uncovered']:.2g} px, and {error['elsewhere']:.2g} px elsewhere."
    )
    return Drawing(
        draw_occlusion_example(pair, regions.covered, regions.uncovered),
        draw_occlusion_example,
        "Occlusion and disocclusion after training on the forward–backward error",
        "3b",
        caption,
        [*study.clips.files("flow"), weights],
        [model.name],
        {"clip": name, "frame": frame, "error_px": error, "way_to_truth": way},
    )


def _backward_predictor(study: Study) -> tuple[Path, Trained]:
    """The network that the forward–backward error alone has taught, first seed."""
    torch.set_num_threads(1)
    blocks = study.params.experiments.items()
    of_task = [(n, b) for n, b in blocks if isinstance(b, BackwardFlowExperiment)]
    names = [name for name, block in of_task if set(block.losses) == {"forward_backward"}]
    if not names:
        what = "none is of task backward_flow with the forward_backward loss alone"
        raise InputError("params.yaml: experiments", what, "restore one")
    path = study.layout.weights(names[0], study.params.at(study.scale).train.seeds[0])
    return path, load_network(path)


def _clips(study: Study) -> dict[str, np.ndarray]:
    return {name: study.clips.flow(name, study.frames) for name in study.clips.names}


@torch.inference_mode()
def _pair(model: Trained, clips: Clips, chosen: PairMotion) -> PredictedPair:
    clip, t = clips[chosen.clip], chosen.frame
    predicted = model.network(torch.from_numpy(clip[t : t + 1, 0].copy()))[0].numpy()
    return PredictedPair(chosen.clip, t, clip[t, 0].copy(), clip[t + 1, 1].copy(), predicted)


def _measured(model: Trained, clips: Clips, chosen: PairMotion) -> dict[str, object]:
    """A chosen pair's motion and the network's errors where it moves."""
    pair = clips[chosen.clip][chosen.frame : chosen.frame + 2]
    errors = dict(judge(model.network, pair).moving(MOVING_PX, np.inf))
    numbers = {"moving_share": chosen.moving_share, "step_px": chosen.step_px, **errors}
    found = {metric: rounded(value) for metric, value in numbers.items()}
    return {"clip": chosen.clip, "frame": chosen.frame, **found}


def _warped_shares(model: Trained, clips: Clips) -> dict[str, float]:
    """Share of moving pixels nearer to the truth than to the copy, by step; mean over clips."""
    found: dict[str, list[float]] = {}
    for row in rows(model.name, model.seed, model.network, clips):
        if row.metric == "warped_share" and row.condition.startswith("step"):
            found.setdefault(row.condition, []).append(row.value)
    return {condition: rounded(fmean(found[condition])) for condition in sorted(found)}


def _in_words(shares: Mapping[str, float]) -> str:
    return ", ".join(
        f"{share:.0%} ({step.removeprefix('step ')})" for step, share in shares.items()
    )
