"""The problem of section 3: what a refinement step is given and how it is judged."""

from collections.abc import Collection, Iterator, Mapping

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
        return self._batches.between(first, last)

    def decoded(self, start: State, batch: Batch) -> Tensor:
        """How well encoder and decoder keep the known flow, px (reading R1)."""
        return decoder(start.flows, batch.truth, batch.hole)

    def terms(self, state: State, batch: Batch) -> Mapping[str, Tensor]:
        """Each loss of one refinement step by its name, unweighted."""
        weight = state.confidence if self._confidence_weighted else None
        refined = Refined(state.flows, batch.truth, batch.hole, weight)
        return {name: REFINEMENT_LOSSES[name](refined) for name in self._losses}
