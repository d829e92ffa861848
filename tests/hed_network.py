"""HED without its authors' weights."""

from functools import cache

import torch

from flowmend.edges.hed import HED, LEVELS


@cache
def network() -> HED:
    """Random weights at which neither features nor probabilities die out or saturate."""
    torch.manual_seed(0)
    hed = HED().eval()
    for name, weight in hed.named_parameters():
        if weight.ndim == 4 and "Vgg" in name:
            torch.nn.init.kaiming_normal_(weight)
    for level in LEVELS:
        hed.get_submodule(f"netScore{level}").weight.data.mul_(0.01)
    hed.netCombine[0].bias.data.add_(0.25)  # half of a picture above 0.5
    return hed
