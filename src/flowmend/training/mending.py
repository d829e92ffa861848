"""The problem of section 2: mend the flow, and maybe the edges, of all frames in one pass."""

from collections.abc import Collection, Iterator, Mapping

import torch
from torch import Tensor, nn

from flowmend.losses import LOSSES
from flowmend.losses.region import Region
from flowmend.losses.scene import Scene
from flowmend.networks.flow_predictor import FLOW_UNIT_PX, Prediction
from flowmend.training.batches import Batch, Batches


class Mending:
    """Flow predicted by :class:`~flowmend.networks.flow_predictor.FlowPredictor`.

    Args:
        batches: by step.
        losses: names in :data:`flowmend.losses.LOSSES`.
        region: what the losses cover: the whole window, as in the report, or the hole.
        edge_threshold_px: N of the loss ``edge_agreement``, px per px.
    """

    def __init__(
        self, batches: Batches, losses: Collection[str], region: Region, edge_threshold_px: float
    ) -> None:
        self._batches, self._losses = batches, tuple(losses)
        self._region: Region = region
        self._edge_threshold_px = edge_threshold_px

    def between(self, first: int, last: int) -> Iterator[Batch]:
        """Batches of the steps ``first`` to ``last`` − 1."""
        return self._batches.between(first, last)

    def predict(self, model: nn.Module, batch: Batch) -> Prediction:
        """One pass; a network of edges is given those outside the hole."""
        return model(batch.filled, batch.hole, batch.known_edges, batch.position)

    def terms(self, prediction: Prediction, batch: Batch) -> Mapping[str, Tensor]:
        """Each loss over the region, by its name."""
        scene = self._scene(prediction, batch)
        return {name: LOSSES[name](scene) for name in self._losses}

    def seen(self, prediction: Prediction, batch: Batch) -> tuple[Tensor, Tensor]:
        """Flow of all frames and, where there are any, edges; with holes and known edges.

        What is not predicted, or not judged, is the truth on both sides: else a discriminator
        could go by frames that no other loss looks at.
        """
        known = [] if batch.known_edges is None else [batch.known_edges]
        given = [batch.hole.to(batch.truth.dtype), *known]
        judged = self._judged(batch.hole)
        flows = torch.where(judged[:, :, None, None], prediction.flows, batch.truth)
        edges = prediction.edges
        if edges is not None and batch.edges is not None:
            edges = torch.where(judged, edges, batch.edges)
        return _stack(batch.truth, batch.edges, given), _stack(flows, edges, given)

    def _judged(self, hole: Tensor) -> Tensor:
        """Where the prediction counts: the hole, or the whole of the hidden frames."""
        if self._region == "hole":
            return hole
        judged = torch.zeros_like(hole)
        judged[:, self._batches.hidden] = True
        return judged

    def _scene(self, prediction: Prediction, batch: Batch) -> Scene:
        return Scene(
            predicted=prediction.flows,
            true=batch.truth,
            hole=batch.hole,
            hidden=self._batches.hidden,
            predicted_edges=prediction.edges,
            true_edges=batch.edges,
            edge_threshold_px=self._edge_threshold_px,
            region=self._region,
        )


def seen_channels(frames: int, edges: bool) -> int:
    """Channels of what a discriminator sees: flow and hole, edges and known edges."""
    return (5 + 2 * edges) * frames


def _stack(flows: Tensor, edges: Tensor | None, given: list[Tensor]) -> Tensor:
    parts = [flows.flatten(1, 3) / FLOW_UNIT_PX, *([] if edges is None else [edges]), *given]
    return torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)
