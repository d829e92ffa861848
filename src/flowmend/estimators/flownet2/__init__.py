"""FlowNet2 (Ilg et al., CVPR 2017), the report's estimator, and the five networks beside it.

In plain PyTorch, on any device, with the tensor names of the checkpoints its authors' reference
port publishes (NVIDIA, ``flownet2-pytorch``). Every network takes (B, 3, 2, H, W) RGB 0–255 and
gives (B, 2, H, W) px; ``network.both`` gives the flow of both directions.
"""

import numpy as np
from torch import nn

from flowmend.errors import InputError
from flowmend.estimators.clip_frames import ClipFrames
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
    "estimate_frames",
]

NETWORKS: dict[str, type[nn.Module]] = {
    "flownet2": FlowNet2,
    "flownet2_s": FlowNet2S,
    "flownet2_c": FlowNet2C,
    "flownet2_cs": FlowNet2CS,
    "flownet2_css": FlowNet2CSS,
    "flownet2_sd": FlowNet2SD,
}


def estimate_frames(clip: ClipFrames, source: int, target: int) -> np.ndarray:
    """Refuse: the network needs its official weights, which this version cannot read.

    Raises:
        InputError: always.
    """
    raise InputError(
        "params.yaml: flow.estimator",
        "flownet2 needs its official weights, which this version of flowmend cannot read yet",
        "set flow.estimator to dis",
    )
