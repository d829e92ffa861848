"""What goes from one network of a stack to the next (Ilg et al., section 4)."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from flowmend.estimators.flownet2.parts import DIV_FLOW
from flowmend.geometry.warp import warp
from flowmend.types import Flow


def enlarged(flow: Flow, mode: Literal["bilinear", "nearest"]) -> Flow:
    """Flow at four times the side.

    Bilinear between pixel centres (``align_corners=False``): so does the layer of the Caffe
    networks, from whose training the published weights come, and PyTorch 1.0, with which their
    port was evaluated. Only PyTorch before 0.4 aligned the corners.
    """
    corners = False if mode == "bilinear" else None
    return F.interpolate(flow, scale_factor=4.0, mode=mode, align_corners=corners)


def channel_norm(
    maps: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """Euclidean norm over channels; its gradient at zero is zero."""
    return torch.linalg.vector_norm(maps, dim=1, keepdim=True)


def brightness_error(first: Tensor, second: Tensor, flow: Flow) -> tuple[Tensor, Tensor]:
    """The second frames fetched along the flow, and how far they are from the first ones."""
    warped = warp(second, flow)[0]
    return warped, channel_norm(first - warped)


def next_inputs(
    first: Float[Tensor, "batch 3 height width"],
    second: Float[Tensor, "batch 3 height width"],
    flow: Flow,
) -> Float[Tensor, "batch 12 height width"]:
    """Both frames, the second warped, the flow / 20 and the brightness error.

    Args:
        flow: of the network before, px.
    """
    warped, error = brightness_error(first, second, flow)
    return torch.cat((first, second, warped, flow / DIV_FLOW, error), 1)


def fusion_inputs(
    first: Float[Tensor, "batch 3 height width"],
    second: Float[Tensor, "batch 3 height width"],
    small: Flow,
    large: Flow,
) -> Float[Tensor, "batch 11 height width"]:
    """The first frame; of small and large displacements the flows, their norms and errors."""
    errors = [brightness_error(first, second, flow)[1] for flow in (small, large)]
    return torch.cat((first, small, large, channel_norm(small), channel_norm(large), *errors), 1)
