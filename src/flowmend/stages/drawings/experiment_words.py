"""What an experiment's block is called in figures and captions: one place for all of them."""

from flowmend.params import (
    BackwardFlowExperiment,
    EdgesExperiment,
    Experiment,
    FlowExperiment,
    IterativeExperiment,
    MovePatternExperiment,
)

_TRUNKS = {"unet": "U-Net", "resnet": "ResNet", "unet_warp": "U-Net + warping module"}
LAMBDAS = ("l1", "forward_backward", "patchgan")
"""The losses that the report's λ weigh, in its order (2.2.7)."""
LOSS_WORDS = {
    "l1": "L1",
    "l2": "L2",
    "forward_backward": "forward–backward",
    "lateral_dependency": "lateral dependency",
    "spatio_temporal": "spatio-temporal",
    "edge_agreement": "edge agreement",
    "patchgan": "PatchGAN",
    "wgan_gp": "WGAN-GP",
}


def network_words(block: FlowExperiment | BackwardFlowExperiment | MovePatternExperiment) -> str:
    """``U-Net``, ``CoordConv U-Net`` and the like."""
    trunk = _TRUNKS[block.network]
    return f"CoordConv {trunk}" if getattr(block, "coordinates", False) else trunk


def lambda_words(block: FlowExperiment) -> str:
    """``λ = (1, 1, 0.1)``: weights of L1, forward–backward and PatchGAN."""
    weights: dict[str, float] = dict(block.losses.items())
    return "λ = ({})".format(", ".join(f"{weights.get(name, 0):g}" for name in LAMBDAS))


def contest_words(block: Experiment) -> str:
    """What an adversarial experiment trains, in a few words."""
    match block:
        case EdgesExperiment():
            return "edges of a frame\nWGAN-GP"
        case FlowExperiment(edges=True):
            return f"flow and edges\n{lambda_words(block)}"
        case FlowExperiment():
            return f"flow, {_SETUPS[block.setup]}\n{lambda_words(block)}"
        case IterativeExperiment():
            return f"refinement, {_SETUPS[block.setup]}"
    return network_words(block)


_SETUPS = {"middle_two": "two frames", "all_frames": "all frames", "sandwich": "four frames"}
