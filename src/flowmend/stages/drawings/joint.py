"""Figures of flow and edges mended together: 13, and what the loss of 14 gives (2.6.2, 2.6.3)."""

import numpy as np
import torch

from flowmend.edges import flow_edges
from flowmend.errors import InputError
from flowmend.figures.joint_edges import (
    JointCase,
    WithoutEdges,
    agreement,
    draw_agreement,
    draw_joint,
    gradient_norm,
)
from flowmend.stages.build import Model
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.drawings.mended_cases import (
    CROSSED,
    Case,
    at_share,
    clip_of,
    crossed_by_error,
    first_model,
    flow_experiment,
    hidden_edges,
    inputs_of,
    mend,
    shown_frame,
)

JOINT, WITHOUT, AGREEMENT = "joint_edges", "joint_no_edges", "edge_agreement"
_EXAMPLES = 2


def joint_inpainting(study: Study) -> Drawing:
    """Fig. 13: two examples of flow and edges, with the same network without edges beside them.

    Raises:
        InputError: weights are missing or damaged.
    """
    frame, threshold = shown_frame(study), study.params.at(study.scale).edges.canny_flow_px
    joint, without = first_model(study, JOINT), first_model(study, WITHOUT)
    cases = _longest_edges(study, joint.shapes, frame)
    shown = []
    for case in cases:
        with_edges = _joint_case(study, case, joint, frame)
        flow = mend(study, case, without).forward[frame].numpy()
        canny = np.where(with_edges.hole, flow_edges(flow, threshold), with_edges.true_edges)
        shown.append((with_edges, WithoutEdges(flow, canny)))
    errors = {
        f"{case.clip}": {
            JOINT: rounded(case.mean_error(case.flow)),
            WITHOUT: rounded(case.mean_error(plain.flow)),
        }
        for case, plain in shown
    }
    caption = (
        "Flow and edges inpainted together by an adversarially trained U-Net (second column), and "
        "flow inpainted by the same network, trained alike, that neither sees nor predicts edges "
        "(third column; below it, Canny on its flow in the hole). True edges are those of Canny on "
        "the true flow. Edges are grey where known and coloured in the hole, by the network's "
        f"probability where it predicts them. Frame {frame} of clips that have the hole in all "
        "frames; numbers are mean end-point errors in it. Examples are the "
        f"{_EXAMPLES} test clips whose holes hide the longest true edge."
    )
    return Drawing(
        draw_joint(shown),
        draw_joint,
        "Joint inpainting of flow and edges",
        "13",
        caption,
        inputs_of(study, (JOINT, WITHOUT)),
        (JOINT, WITHOUT),
        {"cases": [" ".join(case) for case in cases], "mean_error_in_hole_px": errors},
    )


def edge_agreement_result(study: Study) -> Drawing:
    """What a network trained with the loss of Fig. 14 gives, on one case and over all.

    Raises:
        InputError: tables or weights are missing or damaged.
    """
    frame, threshold = shown_frame(study), study.params.at(study.scale).edges.canny_flow_px
    model, ordered = first_model(study, AGREEMENT), crossed_by_error(study, AGREEMENT)
    all_cases = [_joint_case(study, case, model, frame) for case in ordered]
    case = all_cases[ordered.index(at_share(ordered, 0.5))]
    means = {
        "predicted": _mean_agreement(all_cases, threshold),
        "true": _mean_agreement([_truth(c) for c in all_cases], threshold),
    }
    share = float(np.mean([c.edges[c.hole].mean() for c in all_cases]))
    true_share = float(np.mean([c.true_edges[c.hole].mean() for c in all_cases]))
    weight = flow_experiment(study, AGREEMENT).losses.get("edge_agreement", 0)
    caption = (
        "A U-Net that is given the edges outside the hole and predicts flow and edges, taught by "
        f"the L1 loss of the flow and, with weight {weight:g}, by the agreement L(e, n) of its "
        "edges e with the norm n of its own flow's "
        f"gradient (N = {threshold:g} px per px); no true edge teaches it. Below, the same of the "
        "truth, whose edges are Canny's on the flow. Mean L in the hole over "
        f"{len(all_cases)} cases: {means['predicted']:.2f} for the network, {means['true']:.2f} "
        f"for the truth; mean edge probability there {share:.2g}, share of true edge pixels "
        f"{true_share:.2g}. Frame {frame} of {case.clip}, the median by error among the test holes "
        f"in which {CROSSED}."
    )
    return Drawing(
        draw_agreement(case, threshold),
        draw_agreement,
        "What the edge agreement loss gives",
        "14",
        caption,
        inputs_of(study, [AGREEMENT]),
        [AGREEMENT],
        {
            "clip": case.clip,
            "frame": frame,
            "mean_agreement_in_hole": means,
            "mean_edge_probability_in_hole": rounded(share),
            "share_of_true_edges_in_hole": rounded(true_share),
        },
    )


def _longest_edges(study: Study, shapes: tuple[str, ...], frame: int) -> list[Case]:
    """One case of each of the clips whose holes hide the most edge pixels."""
    cases = [(clip, shape) for clip in study.clips.names for shape in shapes]
    pixels = {case: int(hidden_edges(study, case, frame)[1].sum()) for case in cases}
    longest: dict[str, Case] = {}
    for case in sorted(cases, key=lambda case: (-pixels[case], case)):
        longest.setdefault(case[0], case)
    return list(longest.values())[:_EXAMPLES]


def _joint_case(study: Study, case: Case, model: Model, frame: int) -> JointCase:
    completion, clip = mend(study, case, model), clip_of(study, case, model.experiment.setup)
    if completion.edges is None:
        raise InputError(f"params.yaml: experiments.{model.name}", "needs edges: true", "set it")
    return JointCase(
        case[0],
        frame,
        clip.hole[frame].numpy(),
        clip.forward[frame].numpy(),
        completion.forward[frame].numpy(),
        study.clips.edges(case[0], "flow")[frame],
        completion.edges[frame].to(torch.float32).numpy(),
    )


def _truth(case: JointCase) -> JointCase:
    edges = case.true_edges.astype(np.float32)
    return JointCase(
        case.clip, case.frame, case.hole, case.truth, case.truth, case.true_edges, edges
    )


def _mean_agreement(cases: list[JointCase], threshold: float) -> float:
    maps = [agreement(c.edges, gradient_norm(c.flow), threshold)[c.hole].mean() for c in cases]
    return rounded(float(np.mean(maps)))
