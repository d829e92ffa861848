"""Figures of the two controlled tasks: 2, 3b and the warping toy."""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from flowmend.errors import InputError
from flowmend.evaluation.backward_flow import judge, rows
from flowmend.evaluation.moving_patterns import PatternTest, error_ratios, moved_by, pattern_test
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
from flowmend.figures.moving_patterns import (
    MovedPattern,
    RatiosByLength,
    draw_moving_patterns,
)
from flowmend.io.progress import tracked
from flowmend.params import BackwardFlowExperiment, MovePatternExperiment
from flowmend.stages.build import Trained, load_network
from flowmend.stages.drawing import Drawing, Study, rounded

LEAST_SHARE = 0.05
EXAMPLES = ("uniform 2-4 px", "uniform 4-8 px", "object 2-4 px", "object 4-8 px")
TRUNKS = {"unet": "U-Net", "resnet": "ResNet", "unet_warp": "+ warping module"}


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
    regions = occlusions(torch.from_numpy(pair.forward), torch.from_numpy(pair.backward_next))
    elsewhere = ~(regions.covered | regions.uncovered)
    areas = (
        ("covered", regions.covered), ("uncovered", regions.uncovered), ("elsewhere", elsewhere)
    )  # fmt: skip
    error = {word: rounded(float(pair.error()[area].mean())) for word, area in areas}
    caption = (
        f"The network of Fig. 2 on frames {frame} and {frame + 1} of {name}, the test pair whose "
        "motion covers and uncovers most pixels. Where something comes to cover the background "
        "(solid outline) two motions arrive at one place and the forward–backward error asks for "
        "both, so that the output lies between them; where the background becomes visible (dotted) "
        "nothing arrives, the error asks for nothing, and the old silhouette stays. Mean end-point "
        f"error: covered {error['covered']:.2g} px, uncovered {error['uncovered']:.2g} px, "
        f"elsewhere {error['elsewhere']:.2g} px."
    )
    return Drawing(
        draw_occlusion_example(pair, regions.covered, regions.uncovered),
        draw_occlusion_example,
        "Occlusion and disocclusion after training on the forward–backward error",
        "3b",
        caption,
        [*study.clips.files("flow"), weights],
        [model.name],
        {"clip": name, "frame": frame, "error_px": error},
    )


def warping_toy(study: Study) -> Drawing:
    """Patterns moved by a given flow: examples, and errors against the displacement.

    Raises:
        InputError: there is no such experiment, or its weights are damaged.
    """
    torch.set_num_threads(1)
    test = pattern_test()
    names = [n for n, b in study.params.experiments.items() if isinstance(b, MovePatternExperiment)]
    if not names:
        raise InputError("params.yaml: experiments", "none moves patterns", "restore one")
    seeds = study.params.at(study.scale).train.seeds
    files = {name: [study.layout.weights(name, seed) for seed in seeds] for name in names}
    moved: dict[str, np.ndarray] = {}
    for paths in tracked(list(files.values()), "warping toy"):
        models = [load_network(path) for path in paths]
        moved[_label(models[0])] = np.stack([moved_by(model.network, test) for model in models])
    ratios = {
        k: np.mean([error_ratios(m, test.patterns) for m in of], 0) for k, of in moved.items()
    }
    found = {label: _by_condition(test, values) for label, values in ratios.items()}
    caption = (
        "Networks are taught to draw a random pattern after a given flow has moved it: all of it "
        "(upper half), or an object over a background at rest (lower half). Left, the first test "
        "pattern of each condition; the outline holds the pixels that are judged, where something "
        "arrived that was in view before. Right, the mean error there over that of a pattern left "
        f"where it was, on {len(test.uniform)} test patterns: 0 is a perfect motion. Beyond 4 px: "
        f"everything moves, {_beyond(found, 'uniform')}; an object moves, "
        f"{_beyond(found, 'object')}. Bars are 95 % intervals over patterns; "
        f"{_seed_words(len(seeds))}."
    )
    conditions = [
        RatiosByLength(title, test.lengths_px[of], {k: v[of] for k, v in ratios.items()})
        for title, of in (("everything moves", test.uniform), ("an object moves", ~test.uniform))
    ]
    examples = [_example(test, condition, moved) for condition in EXAMPLES]
    return Drawing(
        draw_moving_patterns(examples, conditions),
        draw_moving_patterns,
        "Can the networks warp? A pattern moved by a given flow",
        "",
        caption,
        [path for paths in files.values() for path in paths],
        names,
        {"error_ratio": found},
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


def _label(model: Trained) -> str:
    block = model.experiment
    assert isinstance(block, MovePatternExperiment)
    if block.coordinates:
        return "+ coordinates" if block.network == "unet" else f"{TRUNKS[block.network]}, coord."
    return TRUNKS[block.network]


def _by_condition(test: PatternTest, ratios: np.ndarray) -> dict[str, float]:
    of = np.array([test.condition(number) for number in range(len(ratios))])
    return {str(word): rounded(float(ratios[of == word].mean())) for word in np.unique(of)}


def _beyond(found: Mapping[str, Mapping[str, float]], kind: str) -> str:
    return ", ".join(f"{label} {values[f'{kind} 4-8 px']:.2f}" for label, values in found.items())


def _seed_words(seeds: int) -> str:
    if seeds == 1:
        return "they say nothing of another training seed, of which there is one"
    return f"errors are means over {seeds} training seeds"


def _example(test: PatternTest, condition: str, moved: Mapping[str, np.ndarray]) -> MovedPattern:
    """The first test pattern of a condition, as the first seed's networks draw it."""
    n = next(k for k in range(len(test.uniform)) if test.condition(k) == condition)
    of = test.patterns
    outputs = {label: pictures[0, n, 0] for label, pictures in moved.items()}
    shown = (of.before[n, 0], of.after[n, 0], of.flow[n], of.arrived[n, 0])
    return MovedPattern(condition, *shown, outputs)
