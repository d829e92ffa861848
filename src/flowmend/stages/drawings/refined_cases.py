"""The test case that figures of iterative refinement share, and what a network makes of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from flowmend.errors import InputError
from flowmend.figures.refinement import Refinement
from flowmend.inpainters.iterative import IterativeInpainter
from flowmend.params import IterativeExperiment
from flowmend.stages.build import load_model
from flowmend.stages.drawings.drawing import Study
from flowmend.stages.drawings.mended_cases import CROSSED, Case, at_share, is_crossed, shown_frame
from flowmend.types import Clip, Completion

SHARDS = ("sequences", "flow", "holes", "edges")
"""What the choice and the clip hang on."""


def first_weights(study: Study, name: str) -> Path:
    """Weights of the scale's first seed."""
    return study.layout.weights(name, study.params.at(study.scale).train.seeds[0])


def iterative_block(study: Study, name: str) -> IterativeExperiment:
    """The block of an experiment that refines step by step.

    Raises:
        InputError: there is none of this name, or it does something else.
    """
    block = study.params.experiment(name)
    if not isinstance(block, IterativeExperiment):
        where = f"params.yaml: experiments.{name}"
        raise InputError(where, "does not refine step by step", "restore it")
    return block


def first_inpainter(study: Study, name: str) -> IterativeInpainter:
    """An experiment's refinement, of the scale's first seed.

    Raises:
        InputError: its weights are missing or damaged.
    """
    torch.set_num_threads(1)
    inpainter = load_model(path := first_weights(study, name)).inpainter
    if not isinstance(inpainter, IterativeInpainter):
        raise InputError(path, "does not refine step by step", "train it again with `dvc repro`")
    return inpainter


def typical_case(study: Study) -> tuple[Case, str]:
    """The case that all these figures show, and the rule, which asks no network.

    Raises:
        InputError: no hole lies on a motion edge.
    """
    frame = shown_frame(study)
    cases = [(clip, shape) for clip in study.clips.names for shape in shapes_of_all(study)]
    crossed = [case for case in cases if is_crossed(study, case, frame)]
    if not crossed:
        raise InputError("holes of the test clips", "lie on no motion edge", "take more clips")
    rule = (
        "The clip of Figs. 19, 20 and 22 to 25 is the median, by how much the hidden flow varies "
        "(its mean distance from its own mean in the hole), "
        f"of the {len(crossed)} test holes in which {CROSSED}."
    )
    spread = {case: _spread(study, case) for case in crossed}
    return at_share(sorted(crossed, key=lambda case: (spread[case], case)), 0.5), rule


def shapes_of_all(study: Study) -> list[str]:
    """The hole shapes, in the scale's order, that every refinement was trained on."""
    blocks = study.params.mending.values()
    own = [block.hole_shapes for block in blocks if isinstance(block, IterativeExperiment)]
    drawn = study.params.at(study.scale).holes.shapes
    return [shape for shape in drawn if all(shape in (shapes or drawn) for shapes in own)]


def _spread(study: Study, case: Case) -> float:
    flow = study.clips.flow(case[0], study.frames)[..., study.clips.hole(*case)]
    return float(np.linalg.norm(flow - flow.mean(-1, keepdims=True), axis=2).mean())


def refined(clip: Clip, shape: str, trace: Sequence[Completion]) -> Refinement:
    """A clip (without batch dimension) and its completion after each step, as arrays."""
    flows = [torch.stack((each.forward, each.backward), dim=1) for each in trace]
    confidences = [each.confidence for each in trace if each.confidence is not None]
    return Refinement(
        clip.name,
        shape,
        torch.stack((clip.forward, clip.backward), dim=1).numpy(),
        clip.hole.numpy(),
        torch.stack(flows).numpy(),
        torch.stack(confidences).numpy(),
    )
