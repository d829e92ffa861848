"""Figures of the warping module: 10 and 11 (2.5.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flowmend.errors import InputError
from flowmend.figures.completions import draw_networks
from flowmend.figures.warping import draw_warping_module
from flowmend.networks.flow_predictor import FlowPredictor, channels
from flowmend.networks.unet_warp import UNetWarp
from flowmend.networks.warping import WarpingModule
from flowmend.stages.build import Model, build_network
from flowmend.stages.drawings.drawing import Drawing, Study, rounded
from flowmend.stages.drawings.experiment_words import network_words
from flowmend.stages.drawings.mended_cases import (
    CROSSED,
    Case,
    at_share,
    crossed_by_error,
    first_model,
    flow_experiment,
    inputs_of,
    mend,
    mended_clip,
    shown_frame,
)

WARPING, RIVALS = "unet_warp_smooth", ("unet_smooth", "unet_coordinates_smooth")
_SHARES = (1 / 3, 2 / 3)


def warping_module(study: Study) -> Drawing:
    """Fig. 10: the module in the network of this scale, drawn from it.

    Raises:
        InputError: there is no such experiment.
    """
    block, scale = flow_experiment(study, WARPING), study.params.at(study.scale)
    network = build_network(block, study.frames, scale.train.width, seed=0)
    if not (isinstance(network, FlowPredictor) and isinstance(network.trunk, UNetWarp)):
        raise InputError(f"params.yaml: experiments.{WARPING}", "does not warp", "restore it")
    given, _ = channels(study.frames, block.edges, block.coordinates)
    caption = (
        "The warping module in the U-Net of this scale. A strided convolution makes the features "
        "f of the input. Two more and a fully connected layer look at the same input and say how "
        "far each channel of f is to be translated; f and its translated copy are stacked and "
        "go through the rest of the U-Net. Sizes are channels × height × width. Drawn from the "
        "network itself, on a frame of this scale."
    )
    size = scale.data.height_px, scale.data.width_px
    return Drawing(
        draw_warping_module(network.trunk, given, *size),
        draw_warping_module,
        "The warping module",
        "10",
        caption,
        experiments=[WARPING],
    )


def warping_network(study: Study) -> Drawing:
    """Fig. 11: U-Net + warping module beside truth, U-Net and CoordConv U-Net.

    Raises:
        InputError: tables or weights are missing or damaged.
    """
    names = (WARPING, *RIVALS)
    ordered = crossed_by_error(study, WARPING)
    cases = [at_share(ordered, share) for share in _SHARES]
    shown = [mended_clip(study, case, names) for case in cases]
    moves = _translations(study, first_model(study, WARPING), ordered)
    titles = {name: network_words(flow_experiment(study, name)) for name in names}
    frame = shown_frame(study)
    caption = (
        f"Forward flow of frame {frame}, hidden in all frames: what is given, the truth, what the "
        "U-Net with the warping module makes of it, and two networks without. Numbers are mean "
        "end-point errors in this hole. On the test holes the module moves a channel by "
        f"{moves['mean_px']:.2g} px on average (the furthest by {moves['largest_px']:.2g} px), in "
        f"px of the flow. The two cases stand at a third and at two thirds of the {len(ordered)} "
        f"holes in which {CROSSED}, ordered by the warping network's error."
    )
    return Drawing(
        draw_networks(shown, frame, titles),
        draw_networks,
        "U-Net with warping module: truth, result and networks without it",
        "11",
        caption,
        inputs_of(study, names),
        names,
        {
            "cases": [" ".join(case) for case in cases],
            "mean_error_in_hole_px": {
                name: [rounded(clip.mean_error(name, frame)) for clip in shown] for name in names
            },
            "translation": moves,
        },
    )


def _translations(study: Study, model: Model, cases: Sequence[Case]) -> dict[str, float]:
    """How far the warping module moves its channels, px of the flow's grid."""
    part = next(p for p in model.network.modules() if isinstance(p, WarpingModule))
    seen: list[Tensor] = []

    def note(_: nn.Module, given: tuple[Tensor, Tensor]) -> None:
        inputs, features = given
        grid = inputs.shape[-1] / features.shape[-1]
        seen.append(grid * part.translations(inputs).norm(dim=-1))

    handle = part.register_forward_pre_hook(note)
    for case in cases:
        mend(study, case, model)
    handle.remove()
    moved = torch.cat(seen)
    return {"mean_px": rounded(float(moved.mean())), "largest_px": rounded(float(moved.max()))}
