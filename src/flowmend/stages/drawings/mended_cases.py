"""Test cases for figures: chosen by rule from the tables, and mended by trained networks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from flowmend.errors import InputError
from flowmend.evaluation.compare import results_from_csv
from flowmend.figures.completions import MendedClip
from flowmend.holes import setup_frames
from flowmend.params import FlowExperiment
from flowmend.stages.build import Model, load_model
from flowmend.stages.drawings.drawing import Study
from flowmend.types import Clip, Completion

Case = tuple[str, str]  # clip, shape of its hole
CROSSED = (
    "true motion edges (Canny on the flow) have at least as many pixels in the hole as its shorter "
    "side is long"
)
"""The words for :func:`is_crossed`."""
_SHARDS = ("sequences", "flow", "holes", "edges")


def flow_experiment(study: Study, name: str) -> FlowExperiment:
    """The block of an experiment that mends flow.

    Raises:
        InputError: there is none of this name, or it does something else.
    """
    block = study.params.experiment(name)
    if not isinstance(block, FlowExperiment):
        raise InputError(f"params.yaml: experiments.{name}", "does not mend flow", "restore it")
    return block


def first_model(study: Study, name: str) -> Model:
    """An experiment's network, of the scale's first seed.

    Raises:
        InputError: there is no such experiment, or its weights are missing or damaged.
    """
    flow_experiment(study, name)
    torch.set_num_threads(1)
    return load_model(study.layout.weights(name, study.params.at(study.scale).train.seeds[0]))


def shown_frame(study: Study) -> int:
    """The middle frame: hidden in every setup."""
    return study.frames // 2


def hidden_edges(study: Study, case: Case, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """A hole and the true motion edges in it, bool (H, W) each."""
    hole = study.clips.hole(*case)
    return hole, study.clips.edges(case[0], "flow")[frame] & hole


def is_crossed(study: Study, case: Case, frame: int) -> bool:
    """Whether a hole hides as many pixels of true motion edges as its shorter side is long."""
    hole, edges = hidden_edges(study, case, frame)
    shorter = min(np.ptp(axis) + 1 for axis in np.nonzero(hole))
    return int(edges.sum()) >= int(shorter)


def crossed_by_error(study: Study, name: str) -> list[Case]:
    """Holes with a motion edge across them, by an experiment's error in the forward flow.

    From the least error to the greatest, seeds averaged.

    Raises:
        InputError: the results table is missing or does not hold the experiment, or no hole is
            crossed.
    """
    results = results_from_csv(study.layout.results.read_text())
    block = flow_experiment(study, name)
    own = results[(results["method"] == name) & (results["setup"] == block.setup)]
    errors = own[own["direction"] == "forward"].groupby(["clip", "hole"])["epe_hole_px"].mean()
    ordered: list[Case] = [(str(c), str(h)) for c, h in errors.sort_values(kind="stable").index]
    frame = shown_frame(study)
    cases = [case for case in ordered if is_crossed(study, case, frame)]
    if not cases:
        raise InputError(study.layout.results, f"has no case of {name}", "evaluate it again")
    return cases


def at_share(cases: list[Case], share: float) -> Case:
    """The case that this share of the others lies below: 0.5 is the median, the lower of two."""
    return cases[int((len(cases) - 1) * share)]


def clip_of(study: Study, case: Case, setup: str) -> Clip:
    """A test clip with its hole, in the frames of a setup, and what is judged by in it."""
    name, shape = case
    hidden = setup_frames(setup, study.frames)[:, None, None] & study.clips.hole(name, shape)
    flow = study.clips.judged_flow(name, hidden)
    forward, backward = (torch.from_numpy(np.ascontiguousarray(flow[:, k])) for k in (0, 1))
    return Clip(forward, backward, torch.from_numpy(hidden), name)


def mend(study: Study, case: Case, model: Model) -> Completion:
    """What a network makes of a case, in the setup that it was trained for."""
    return model.inpainter(clip_of(study, case, model.experiment.setup))


def mended_clip(study: Study, case: Case, names: Sequence[str]) -> MendedClip:
    """One case under several experiments, which have the setup of the first."""
    clip = clip_of(study, case, flow_experiment(study, names[0]).setup)
    mended = {name: mend(study, case, first_model(study, name)).forward.numpy() for name in names}
    return MendedClip(*case, clip.forward.numpy(), clip.hole.numpy(), mended)


def inputs_of(study: Study, names: Sequence[str]) -> list[Path]:
    """The files that cases chosen by these experiments' errors and mended by them hang on."""
    seed = study.params.at(study.scale).train.seeds[0]
    weights = [study.layout.weights(name, seed) for name in names]
    return [*study.clips.files(*_SHARDS), study.layout.results, *weights]
