"""FlowNet2-CS and -CSS, stacks of networks, and FlowNet2 itself (Ilg et al., figure 2)."""

import torch
from torch import Tensor

from flowmend.estimators.flownet2.pair_network import PairNetwork
from flowmend.estimators.flownet2.parts import (
    DIV_FLOW,
    STACKED_INPUTS,
    FlowNetC,
    FlowNetFusion,
    FlowNetS,
    FlowNetSD,
    paired,
)
from flowmend.estimators.flownet2.stack_inputs import enlarged, fusion_inputs, next_inputs


class FlowNet2CS(PairNetwork):
    """FlowNetC, then a FlowNetS that sees how well its flow explains the second frame."""

    def __init__(self) -> None:
        super().__init__()
        self.flownetc = FlowNetC()
        self.flownets_1 = FlowNetS(STACKED_INPUTS)

    def estimate(self, frames: Tensor, directions: int) -> Tensor:
        """See :class:`PairNetwork`."""
        flow = enlarged(self.flownetc.coarse_flow(frames, directions) * DIV_FLOW, "bilinear")
        inputs = next_inputs(*paired(frames, directions), flow)
        return enlarged(self.flownets_1.coarse_flow(inputs) * DIV_FLOW, "bilinear")


class FlowNet2CSS(FlowNet2CS):
    """One more FlowNetS, whose flow is enlarged by repetition."""

    def __init__(self) -> None:
        super().__init__()
        self.flownets_2 = FlowNetS(STACKED_INPUTS)

    def estimate(self, frames: Tensor, directions: int) -> Tensor:
        """See :class:`PairNetwork`."""
        flow = super().estimate(frames, directions)
        inputs = next_inputs(*paired(frames, directions), flow)
        return enlarged(self.flownets_2.coarse_flow(inputs) * DIV_FLOW, "nearest")


class FlowNet2(FlowNet2CSS):
    """FlowNet2: the stack for large displacements, FlowNet2-SD for small ones, and their fusion."""

    def __init__(self) -> None:
        super().__init__()
        self.flownets_d = FlowNetSD()
        self.flownetfusion = FlowNetFusion()

    def estimate(self, frames: Tensor, directions: int) -> Tensor:
        """See :class:`PairNetwork`. The fusion was trained on SD's flow *divided* by 20."""
        large = super().estimate(frames, directions)
        first, second = paired(frames, directions)
        coarse = self.flownets_d.coarse_flow(torch.cat((first, second), 1))
        small = enlarged(coarse / DIV_FLOW, "nearest")
        return self.flownetfusion(fusion_inputs(first, second, small, large))
