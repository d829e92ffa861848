"""Figures of the test clips' own flow: 1 and 4 (2.2)."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import spearmanr

from flowmend.datasets.resize import resize_flow
from flowmend.estimators import dis
from flowmend.figures.consistency import (
    ESTIMATOR_WORDS,
    Moment,
    Pair,
    PairMeasure,
    choose_pairs,
    draw_round_trips,
    draw_spatio_temporal,
    relative_motion,
)
from flowmend.io.progress import tracked
from flowmend.stages.drawings.drawing import Drawing, Study, rounded

INDEPENDENT = "dis"


def round_trips(study: Study) -> Drawing:
    """Fig. 1: forward–backward error of the best and the worst fast pair."""
    names = tracked(study.clips.names, "fig. 1")
    measures = [pair.measure() for name in names for pair in _pairs(study, name)]
    good, bad = choose_pairs(measures)
    of_name = {name: list(_pairs(study, name)) for name in {good.clip, bad.clip}}
    shown = [
        next(p for p in of_name[m.clip] if (p.frame, p.estimator) == (m.frame, m.estimator))
        for m in (good, bad)
    ]
    caption = (
        "Following a pixel along the forward flow and back along the next frame's backward flow "
        "should end where it began; the colour says by how many pixels it does not. Left: the "
        f"pair that agrees best ({_word(good)} flow, median {good.error_px:.2g} px), where "
        "what is left marks occlusions and the frame's border. Right: the pair that agrees worst "
        f"({_word(bad)} flow, median {bad.error_px:.2g} px). Below, the x and y components of "
        "the two flows. Both were picked by their median error among the fastest quarter of "
        f"{len(measures)} pairs."
    )
    return Drawing(
        draw_round_trips(*shown),
        draw_round_trips,
        "Forward–backward error of a good and a bad pair",
        "1",
        caption,
        study.clips.files("sequences", "flow"),
        facts={"good": _fact(good), "bad": _fact(bad), "pairs": len(measures)},
    )


def spatio_temporal_error(study: Study) -> Drawing:
    """Fig. 4: the pair whose parts move most against each other, and three maps of it."""
    name, frame = clearest_moment(study)
    rank = _rank_correlations(study)
    caption = (
        f"Frame {frame} of {name}, the test pair whose parts move most against each other, and "
        "what three measures make of it: (a) the forward–backward error fills the occluded area, "
        "(b) the norm of the flow's gradient draws the moving borders, (c) the gradient of the "
        "flow's change along its own trajectories draws these and the outline of the occlusion, "
        "much as the gradient of (a) does (top right). Over all test pairs the rank correlation "
        f"of (c) with the gradient of (a) is {rank['round_trip_gradient']:.2f}, with (b) "
        f"{rank['flow_gradient']:.2f}."
    )
    return Drawing(
        draw_spatio_temporal(_moment(study, name, frame)),
        draw_spatio_temporal,
        "Forward–backward error, flow gradient and spatio-temporal error",
        "4",
        caption,
        study.clips.files("sequences", "flow"),
        facts={"clip": name, "frame": frame, "rank_correlation_with_c": rank},
    )


def clearest_moment(study: Study) -> tuple[str, int]:
    """The clip and frame whose parts move most against each other; the next frame exists."""
    strength = {
        (name, t): relative_motion(study.clips.field(name, "forward", t))
        for name in study.clips.names
        for t in range(study.frames - 1)
    }
    return max(strength, key=lambda moment: (strength[moment], moment))


def _pairs(study: Study, name: str) -> Iterator[Pair]:
    """A clip's pairs in the archive and, where that holds exact flow, as DIS sees them."""
    clips, stored = study.clips, study.clips.estimator(name)
    for t in range(study.frames - 1):
        forward, backward = clips.field(name, "forward", t), clips.field(name, "backward", t + 1)
        yield Pair(name, t, stored, forward, backward)
        if stored == "exact":
            size = forward.shape[1:]
            seen = [
                resize_flow(dis.estimate_frames(clips.frames(name), a, b), *size)
                for a, b in ((t + 1, t + 2), (t + 2, t + 1))
            ]
            yield Pair(name, t, INDEPENDENT, *seen)


def _word(measure: PairMeasure) -> str:
    return ESTIMATOR_WORDS.get(measure.estimator, measure.estimator)


def _fact(measure: PairMeasure) -> dict[str, object]:
    values = measure._asdict()
    return {k: rounded(v) if isinstance(v, float) else v for k, v in values.items()}


def _moment(study: Study, name: str, frame: int) -> Moment:
    clips = study.clips
    return Moment(
        name,
        frame,
        clips.image(name, frame),
        clips.field(name, "forward", frame),
        clips.field(name, "forward", frame + 1),
        clips.field(name, "backward", frame + 1),
    )


def _rank_correlations(study: Study) -> dict[str, float]:
    """Spearman's correlation of (c) with the gradient of (a) and with (b), mean over all pairs."""
    others = ("round_trip_gradient", "flow_gradient")
    found: dict[str, list[float]] = {other: [] for other in others}
    for name in tracked(study.clips.names, "fig. 4"):
        for t in range(study.frames - 1):
            maps = _moment(study, name, t).maps()
            for other in others:
                rank = spearmanr(maps["spatio_temporal"].ravel(), maps[other].ravel())
                found[other].append(float(rank.statistic))
    return {other: rounded(float(np.nanmean(values))) for other, values in found.items()}
