"""What training minimises; each loss returns a scalar in its docstring's unit.

Unless the scene's region is the hole, the losses of part 1 look at the network's own output over
all that it is given, known pixels included, as in the report (2.2.7); compositing comes after
training. Those of part 2 look at a refinement step in the hole, the decoder's at known pixels.
"""

from collections.abc import Callable

from torch import Tensor

from flowmend.losses.adversarial import ADVERSARIES, Adversary, gradient_penalty
from flowmend.losses.consistency import forward_backward, spatio_temporal
from flowmend.losses.decoder import decoder
from flowmend.losses.edges import edge_agreement_loss
from flowmend.losses.lateral import lateral_dependency
from flowmend.losses.reconstruction import l1, l2
from flowmend.losses.refined import REFINEMENT_LOSSES, Refined, RefinementLoss
from flowmend.losses.scene import Scene

Loss = Callable[[Scene], Tensor]

LOSSES: dict[str, Loss] = {
    "l1": lambda scene: l1(*scene.hidden_flows()),
    "l2": lambda scene: l2(*scene.hidden_flows()),
    "forward_backward": lambda scene: forward_backward(*scene.pairs()),
    "lateral_dependency": lambda scene: lateral_dependency(*scene.hidden_flows()),
    "spatio_temporal": lambda scene: spatio_temporal(*scene.pairs()),
    "edge_agreement": edge_agreement_loss,
}

__all__ = [
    "ADVERSARIES",
    "LOSSES",
    "REFINEMENT_LOSSES",
    "Adversary",
    "Loss",
    "Refined",
    "RefinementLoss",
    "Scene",
    "decoder",
    "gradient_penalty",
]
