"""What every network of the family does around its own estimate: normalise, resize, rescale."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.errors import InputError
from flowmend.types import Flow

RGB_MAX = 255.0
SMALLEST_SIDE_PX = MULTIPLE_PX = 64

Pair = Float[Tensor, "batch 3 2 height width"]


class PairNetwork(nn.Module, ABC):
    """Flow between two frames of any size from 64 px.

    The networks halve the frame six times: other sizes are resized up to multiples of 64 and the
    flow back, as the authors' own deployment does.
    """

    @abstractmethod
    def estimate(
        self, frames: Float[Tensor, "2*batch 3 height width"], directions: int
    ) -> Float[Tensor, "directions*batch 2 height width"]:
        """Flow, px, of normalised frames with sides that are multiples of 64.

        Args:
            frames: all first frames, then all second ones.
            directions: 1: from first to second; 2: the opposite flow after it.
        """

    def forward(self, pair: Pair) -> Flow:
        """Flow from the first frame to the second, px.

        Args:
            pair: two frames (dimension 2), RGB 0–255.

        Raises:
            ValueError: the pair has another shape.
            InputError: the frames are smaller than 64 px.
        """
        return self._flow(pair, 1)

    def both(self, pair: Pair) -> tuple[Flow, Flow]:
        """Flow from first to second and from second to first, px.

        ``network(pair)`` and ``network(pair.flip(2))`` to float accuracy, in one pass: the frames
        are normalised by the mean of both, so that FlowNetC's features serve both directions.

        Raises:
            ValueError, InputError: as :meth:`forward`.
        """
        forward, backward = self._flow(pair, 2).chunk(2)
        return forward, backward

    def _flow(self, pair: Tensor, directions: int) -> Tensor:
        frames = normalised(pair)
        height, width = pair.shape[-2:]
        size = tuple(-(-side // MULTIPLE_PX) * MULTIPLE_PX for side in (height, width))
        if size == (height, width):
            return self.estimate(frames, directions)
        flow = self.estimate(_resized(frames, size), directions)
        scales = flow.new_tensor((width / size[1], height / size[0]))
        return _resized(flow, (height, width)) * scales[:, None, None]


def normalised(pair: Pair) -> Float[Tensor, "2*batch 3 height width"]:
    """First frames, then second ones: less each sample's channel means over both frames, / 255.

    Raises:
        ValueError, InputError: as :meth:`PairNetwork.forward`.
    """
    if pair.ndim != 5 or pair.shape[1:3] != (3, 2):
        raise ValueError(f"a pair of frames is (B, 3, 2, H, W), not {tuple(pair.shape)}")
    height, width = pair.shape[-2:]
    if min(height, width) < SMALLEST_SIDE_PX:
        raise InputError(
            "FlowNet2",
            f"cannot match frames of {width}×{height} px",
            f"give frames of {SMALLEST_SIDE_PX} px or more",
        )
    pair = pair.to(torch.promote_types(pair.dtype, torch.float32))
    frames = (pair - pair.mean((2, 3, 4), keepdim=True)) / RGB_MAX
    return frames.permute(2, 0, 1, 3, 4).flatten(0, 1)


def _resized(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)
