"""The problem of section 3: what a refinement step is given and how it is judged."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from torch import Tensor

from flowmend.losses.decoder import decoder
from flowmend.losses.refined import REFINEMENT_LOSSES, Refined
from flowmend.networks.refinement import State
from flowmend.training.batches import Batch, Batches


class Refining:
    """Windows around holes, and the losses of section 3.4 on the states of a refinement.

    Args:
        batches: by step.
        losses: names in :data:`flowmend.losses.refined.REFINEMENT_LOSSES`.
        confidence_weighted: True weighs ``inpaint_l1`` by the confidence (3.4.1).
    """

    def __init__(
        self, batches: Batches, losses: Collection[str], confidence_weighted: bool
    ) -> None:
        self._batches, self._losses = batches, tuple(losses)
        self._confidence_weighted = confidence_weighted

    def between(self, first: int, last: int) -> Iterator[Batch]:
        """Batches of the steps ``first`` to ``last`` − 1."""
        return map(_frame_by_frame, self._batches.between(first, last))

    def decoded(self, start: State, batch: Batch) -> Tensor:
        """How well encoder and decoder keep the known flow, px (reading R1)."""
        return decoder(start.flows, batch.truth, batch.hole)

    def terms(self, state: State, batch: Batch) -> Mapping[str, Tensor]:
        """Each loss of one refinement step by its name, unweighted."""
        weight = state.confidence if self._confidence_weighted else None
        refined = Refined(state.flows, batch.truth, batch.hole, weight)
        return {name: REFINEMENT_LOSSES[name](refined) for name in self._losses}


def _frame_by_frame(batch: Batch) -> Batch:
    """The batch with each frame's maps together in memory, as those that the loop decodes."""
    truth, filled = (_by_frame(flows) for flows in (batch.truth, batch.filled))
    return replace(batch, truth=truth, filled=filled, hole=batch.hole.contiguous())


def _by_frame(flows: Tensor) -> Tensor:
    last = flows.flatten(2, 3).movedim(2, -1).contiguous()
    return last.movedim(-1, 2).unflatten(2, flows.shape[2:4])
