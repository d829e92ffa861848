"""FlowNet2-S, -C and -SD: one network, its tensors without a prefix, bilinear at the end."""

import torch
from torch import Tensor

from flowmend.estimators.flownet2.pair_network import PairNetwork
from flowmend.estimators.flownet2.parts import (
    DIV_FLOW,
    PAIR_INPUTS,
    FlowNetC,
    FlowNetS,
    FlowNetSD,
    paired,
)
from flowmend.estimators.flownet2.stack_inputs import enlarged


class FlowNet2S(PairNetwork, FlowNetS):
    """FlowNet2-S: FlowNetSimple on two frames."""

    def __init__(self) -> None:
        super().__init__(PAIR_INPUTS)

    def estimate(self, frames: Tensor, directions: int) -> Tensor:
        """See :class:`PairNetwork`."""
        flow = self.coarse_flow(torch.cat(paired(frames, directions), 1))
        return enlarged(flow * DIV_FLOW, "bilinear")


class FlowNet2C(PairNetwork, FlowNetC):
    """FlowNet2-C: FlowNetCorr; both directions share the features of each frame."""

    def estimate(self, frames: Tensor, directions: int) -> Tensor:
        """See :class:`PairNetwork`."""
        return enlarged(self.coarse_flow(frames, directions) * DIV_FLOW, "bilinear")


class FlowNet2SD(PairNetwork, FlowNetSD):
    """FlowNet2-SD: small displacements. By itself it gives 20-fold flow, like the others."""

    def estimate(self, frames: Tensor, directions: int) -> Tensor:
        """See :class:`PairNetwork`."""
        flow = self.coarse_flow(torch.cat(paired(frames, directions), 1))
        return enlarged(flow * DIV_FLOW, "bilinear")
