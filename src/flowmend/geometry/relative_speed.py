"""Speed against the rest of the frame: what moves against it is taken to be in front."""

from jaxtyping import Float
from torch import Tensor

from flowmend.types import Flow


def relative_speed(flow: Flow, fastest: float) -> Float[Tensor, "*batch 1 height width"]:
    """Length of the flow less its frame's median, px, at most ``fastest``.

    Args:
        flow: of each frame, px.
        fastest: what is faster counts as this, px.
    """
    median = flow.flatten(-2).median(dim=-1).values[..., None, None]
    return (flow - median).square().sum(-3, keepdim=True).sqrt().clamp(max=fastest)
