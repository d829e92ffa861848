"""A random batch after a refinement step in each setup, and gradients of its losses."""

from dataclasses import replace

import torch
from torch import Tensor

from flowmend.losses import REFINEMENT_LOSSES, Refined
from losses_reference import clip

FRAMES, HEIGHT, WIDTH = 6, 7, 9
SETUPS = {"middle_two": slice(2, 4), "all_frames": slice(0, 6), "sandwich": slice(1, 5)}


def refined_batch(seed: int = 0, setup: str = "sandwich", **changes: object) -> Refined:
    hole = torch.zeros(2, FRAMES, HEIGHT, WIDTH, dtype=torch.bool)
    hole[:, SETUPS[setup], 2:5, 3:7] = True
    hole[1, SETUPS[setup], 5, 6] = True
    shape = (2, FRAMES, 2, 2, HEIGHT, WIDTH)
    refined = Refined(
        flows=1.2 * torch.from_numpy(clip(seed, *shape)),
        true=1.2 * torch.from_numpy(clip(seed + 1, *shape)),
        hole=hole,
        confidence=torch.from_numpy(clip(seed + 2, *hole.shape)).sigmoid(),
    )
    return replace(refined, **changes)


def gradients(name: str, refined: Refined) -> tuple[Tensor, Tensor]:
    """Of a loss with respect to flows and confidence."""
    assert refined.confidence is not None
    flows = refined.flows.clone().requires_grad_()
    confidence = refined.confidence.clone().requires_grad_()
    loss = REFINEMENT_LOSSES[name](replace(refined, flows=flows, confidence=confidence))
    if not loss.requires_grad:
        return torch.zeros_like(flows), torch.zeros_like(confidence)
    return torch.autograd.grad(loss, (flows, confidence), allow_unused=True, materialize_grads=True)


def over_flow(refined: Refined) -> Tensor:
    return refined.hole[:, :, None, None].expand_as(refined.flows)
