"""Speed against the rest of the frame: what moves against it is taken to be in front."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from flowmend.types import Flow

_SELECTED_BY_NUMPY = {torch.float32, torch.float64}


def relative_speed(flow: Flow, fastest: float) -> Float[Tensor, "*batch 1 height width"]:
    """Length of the flow less its frame's median, px, at most ``fastest``.

    Args:
        flow: of each frame, px.
        fastest: what is faster counts as this, px.
    """
    median = _median(flow.flatten(-2))[..., None, None]
    return (flow - median).square().sum(-3, keepdim=True).sqrt().clamp(max=fastest)


def _median(values: Tensor) -> Tensor:
    """The lower one of the last dimension; where numpy can take it, in half of torch's time."""
    on_cpu = values.device.type == "cpu" and values.dtype in _SELECTED_BY_NUMPY
    if values.requires_grad or not on_cpu:
        return values.median(dim=-1).values
    middle = (values.shape[-1] - 1) // 2
    return torch.from_numpy(np.partition(values.numpy(), middle, axis=-1)[..., middle])
