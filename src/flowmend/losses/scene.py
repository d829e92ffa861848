"""What a loss looks at: a prediction, its truth, and where the two are compared."""

from dataclasses import dataclass

import torch
from torch import Tensor

from flowmend.losses.region import Region
from flowmend.types import BothFlows, Hole


@dataclass(frozen=True)
class Scene:
    """A predicted batch beside its truth.

    With the region ``image`` the network's own output counts over whole frames, known pixels
    included (report, 2.2.7). With ``hole`` the prediction is composited with the truth outside
    the hole before anything is measured, and errors count in the hole alone: what the network
    says elsewhere has no influence, on the gradient either.

    Attributes:
        predicted: flow, (B, T, 2 directions [forward, backward], 2, H, W), px.
        true: same shape.
        hole: True where flow is invented, bool (B, T, H, W).
        hidden: the frames that the network invents, with integer ends; the losses look at these.
        predicted_edges: probability of a motion edge, (B, T, H, W) in [0, 1], or None.
        true_edges: edges of the true forward flow, (B, T, H, W), 0 or 1, or None.
        edge_threshold_px: N of the edge agreement (2.6.3), px per px.
        region: pixels that count.

    Raises:
        ValueError: shapes that do not belong together.
    """

    predicted: BothFlows
    true: BothFlows
    hole: Hole
    hidden: slice
    predicted_edges: Tensor | None = None
    true_edges: Tensor | None = None
    edge_threshold_px: float = 0.5
    region: Region = "image"

    def __post_init__(self) -> None:
        flow, maps = (
            tuple(self.predicted.shape),
            self.predicted.shape[:2] + self.predicted.shape[-2:],
        )
        for what, given, wanted in (
            ("true flow", self.true, self.predicted.shape),
            ("hole", self.hole, maps),
            ("predicted edges", self.predicted_edges, maps),
            ("true edges", self.true_edges, maps),
        ):
            if given is not None and given.shape != wanted:
                shape = tuple(given.shape)
                raise ValueError(f"{what} {shape} cannot stand beside predicted flow {flow}")

    def hidden_flows(self) -> tuple[BothFlows, BothFlows, Tensor | None]:
        """Predicted and true flow of the hidden frames, and the pixels that count.

        Returns:
            predicted and true, (B, t, 2, 2, H, W), and bool (B, t, 1, H, W), None for all pixels.
        """
        true = self.true[:, self.hidden]
        where = None if self.region == "image" else self.hole[:, self.hidden].unsqueeze(2)
        return self._compared()[:, self.hidden], true, where

    def pairs(self) -> tuple[BothFlows, Tensor | None]:
        """Flow of the hidden frames between true neighbours, and where pairs of them count.

        With the region ``hole`` a pair of frames counts where either of the two has its hole:
        in the setup ``middle_two`` the true frame 1 is followed into the hole of frame 2.

        Returns:
            flows, (B, t, 2, 2, H, W), px, and bool (B, t − 1, H, W), None for all pixels.
        """
        flows = with_true_neighbours(self._compared(), self.true, self.hidden)
        if self.region == "image":
            return flows, None
        hole = self.hole[:, max(self.hidden.start - 1, 0) : self.hidden.stop + 1]
        return flows, hole[:, :-1] | hole[:, 1:]

    def _compared(self) -> BothFlows:
        if self.region == "image":
            return self.predicted
        return torch.where(self.hole[:, :, None, None], self.predicted, self.true)


def with_true_neighbours(predicted: BothFlows, true: BothFlows, hidden: slice) -> BothFlows:
    """Predicted flow of the hidden frames between the true flow of the frames beside them.

    In the setup ``middle_two`` the round trips compared are then (f₁ true, b₂), (f₂, b₃) and
    (f₃, b₄ true), counting from 1 as the report does (2.2.7). Frames at a clip's end have no
    neighbour beyond it.

    Args:
        predicted, true: (B, T, 2 directions, 2, H, W), px.
        hidden: the frames that the network invents.
    """
    before, after = (
        slice(max(hidden.start - 1, 0), hidden.start),
        slice(hidden.stop, hidden.stop + 1),
    )
    return torch.cat([true[:, before], predicted[:, hidden], true[:, after]], dim=1)
