"""FlowNet2 (Ilg et al., CVPR 2017), the report's estimator, and the five networks beside it.

In plain PyTorch, on any device, with the tensor names of the checkpoints its authors' reference
port publishes (NVIDIA, ``flownet2-pytorch``). Every network takes (B, 3, 2, H, W) RGB 0–255 and
gives (B, 2, H, W) px; ``network.both`` gives the flow of both directions.
"""

from torch import nn

from flowmend.estimators.flownet2.pair_network import PairNetwork
from flowmend.estimators.flownet2.single import FlowNet2C, FlowNet2S, FlowNet2SD
from flowmend.estimators.flownet2.stacked import FlowNet2, FlowNet2CS, FlowNet2CSS

__all__ = [
    "NETWORKS",
    "FlowNet2",
    "FlowNet2C",
    "FlowNet2CS",
    "FlowNet2CSS",
    "FlowNet2S",
    "FlowNet2SD",
    "PairNetwork",
]

NETWORKS: dict[str, type[nn.Module]] = {
    "flownet2": FlowNet2,
    "flownet2_s": FlowNet2S,
    "flownet2_c": FlowNet2C,
    "flownet2_cs": FlowNet2CS,
    "flownet2_css": FlowNet2CSS,
    "flownet2_sd": FlowNet2SD,
}
