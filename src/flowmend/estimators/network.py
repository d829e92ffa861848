"""Flow by a network: pairs of frames in batches, both directions of a pair from one pass."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.errors import InputError
from flowmend.estimators.clip_frames import ClipFrames
from flowmend.io.weights import load_network

AUTOCAST = {"32-true": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
"""Type that a precision multiplies in; None for float32 throughout."""


class FlowNetwork(Protocol):
    """Flow of pairs (B, 3, 2, H, W), RGB 0–255: (B, 2, H, W), px."""

    def __call__(self, pair: Tensor) -> Tensor:
        """From the first frame to the second."""

    def both(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and from the second to the first."""


class NetworkEstimator:
    """Estimates the pairs of a clip in batches.

    Args:
        network: on ``device``.
        device: where it is.
        precision: a key of :data:`AUTOCAST`.
        batch: pairs of frames at once; a pair counts once, whichever of its flows are asked for.
    """

    def __init__(
        self, network: FlowNetwork, device: torch.device, precision: str, batch: int
    ) -> None:
        self._network, self._device = network, device
        self._precision, self._batch = AUTOCAST[precision], batch

    def __call__(self, clip: ClipFrames, pairs: Sequence[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Flow of each pair (source, target) of frames, in this order: (2, H, W) float32, px.

        Raises:
            InputError: a frame is missing or damaged, or the frames differ in size.
        """
        batches = _batches(pairs, self._batch)
        done: dict[tuple[int, int], np.ndarray] = {}
        for pair in pairs:
            while pair not in done:
                done |= self._estimated(clip, *next(batches))
            yield done[pair]

    def _estimated(
        self, clip: ClipFrames, pairs: Sequence[tuple[int, int]], both_ways: bool
    ) -> dict[tuple[int, int], np.ndarray]:
        frames = _frames(clip, pairs).to(self._device).float()
        with torch.inference_mode(), self._repeatable(), self._autocast():
            if not both_ways:
                return dict(zip(pairs, self._network(frames).float().cpu().numpy()))
            forward, backward = (flow.float().cpu().numpy() for flow in self._network.both(frames))
        opposite = [(target, source) for source, target in pairs]
        return dict(zip([*pairs, *opposite], [*forward, *backward]))

    def _autocast(self) -> torch.autocast:
        on = self._precision is not None
        return torch.autocast(self._device.type, dtype=self._precision, enabled=on)

    def _repeatable(self) -> AbstractContextManager:
        """The same bytes twice, and float32 where that is asked for: no TF32."""
        return torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )


def network_estimator(
    build: Callable[[], nn.Module],
    name: str,
    checkpoint: str | Path | None,
    device: str,
    precision: str,
    batch: int,
) -> NetworkEstimator:
    """A network with its weights, ready to estimate.

    Raises:
        InputError: there is no such device, or the weights are missing, damaged or not these.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("flow.device", "cuda is not available here", "set it to cpu")
    network = cast(FlowNetwork, load_network(build, name, checkpoint).to(device))
    return NetworkEstimator(network, torch.device(device), precision, batch)


def _batches(
    pairs: Sequence[tuple[int, int]], size: int
) -> Iterator[tuple[list[tuple[int, int]], bool]]:
    """Pairs for one pass each, in order of need, and whether both of their flows are wanted."""
    wanted = set(pairs)
    waiting: list[tuple[int, int]] = []
    for source, target in dict.fromkeys(pairs):
        if (target, source) not in waiting:
            waiting.append((source, target))
    while waiting:
        both_ways = waiting[0][::-1] in wanted
        chosen = [pair for pair in waiting if (pair[::-1] in wanted) == both_ways][:size]
        waiting = [pair for pair in waiting if pair not in chosen]
        yield chosen, both_ways


def _frames(
    clip: ClipFrames, pairs: Sequence[tuple[int, int]]
) -> Float[Tensor, "batch 3 2 height width"]:
    """Pairs of frames as networks want them, uint8."""
    images = [clip.image(position) for pair in pairs for position in pair]
    for image in images:
        if image.shape != images[0].shape:
            sizes = " and ".join(f"{one.shape[2]}×{one.shape[1]}" for one in (images[0], image))
            where = f"{clip.where}: {clip.name}"
            raise InputError(where, f"has frames of {sizes} px", "give frames of one size")
    stacked = np.stack(images).reshape(len(pairs), 2, *images[0].shape)
    return torch.from_numpy(stacked.transpose(0, 2, 1, 3, 4).copy())
