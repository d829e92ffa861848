"""The loops of :mod:`flowmend.networks.pushing`: a pixel's channels land together."""

from math import floor

import numpy as np
from numpy import ndarray

from flowmend.loops.compiled import compiled

NOTHING = 1e-6  # least sum of weights that is divided by


@compiled
def push(
    maps: ndarray,
    confidence: ndarray,
    boost: ndarray,
    flows: ndarray,
    width: int,
    way: int,
    arrived: ndarray,
    weights: ndarray,
    landed: ndarray,
) -> None:
    """Fill the last three, which come as zeros.

    Args:
        maps: (B, T, P, K).
        confidence: (B, T, P, 1).
        boost: (B, T - 1, P, 1), of the frames that send.
        flows: (B, T, P, 4): forward x, y; backward x, y; px.
        width: of the frame, px.
        way: 0 from each frame to the next, 1 to the previous one.
        arrived: (B, T, P, K), means of what landed.
        weights, landed: (B, T, P, 1), sums of the weights and of the confidences.
    """
    clips, frames, places, channels = maps.shape
    height, nothing, one = places // width, maps.dtype.type(NOTHING), maps.dtype.type(1)
    for clip in range(clips):
        for sent in range(way, frames - 1 + way):
            here = sent + 1 - 2 * way
            for p in range(places):
                x = p % width + flows[clip, sent, p, 2 * way]
                y = p // width + flows[clip, sent, p, 2 * way + 1]
                if not (-1 < x < width and -1 < y < height):  # nor is what is not finite
                    continue
                trust = confidence[clip, sent, p, 0]
                weight = trust * boost[clip, sent - way, p, 0]
                left, top = floor(x), floor(y)
                for row in range(max(top, 0), min(top + 2, height)):
                    for column in range(max(left, 0), min(left + 2, width)):
                        q = row * width + column
                        tap = maps.dtype.type((1 - abs(y - row)) * (1 - abs(x - column)))
                        for c in range(channels):
                            arrived[clip, here, q, c] += tap * weight * maps[clip, sent, p, c]
                        weights[clip, here, q, 0] += tap * weight
                        landed[clip, here, q, 0] += tap * trust
            for q in range(places):
                inverse = one / max(weights[clip, here, q, 0], nothing)
                for c in range(channels):
                    arrived[clip, here, q, c] *= inverse


@compiled
def pull(
    of_arrived: ndarray,
    of_trusted: ndarray,
    maps: ndarray,
    confidence: ndarray,
    boost: ndarray,
    flows: ndarray,
    width: int,
    way: int,
    arrived: ndarray,
    weights: ndarray,
    landed: ndarray,
    to_maps: ndarray,
    to_confidence: ndarray,
    to_boost: ndarray,
) -> None:
    """Add one way's gradients to ``to_maps`` and ``to_confidence``; fill that way's ``to_boost``.

    Args:
        of_arrived: (B, T, P, K), gradient of what ``push`` made of that way.
        of_trusted: (B, T, P, 1), gradient of ``landed`` where that is at most 1.
        to_boost: zeros where nothing is sent.
    """
    clips, frames, places, _ = maps.shape
    of_means, of_trust = np.empty(places, maps.dtype), np.empty(places, maps.dtype)
    for clip in range(clips):
        for sent in range(way, frames - 1 + way):
            here = sent + 1 - 2 * way
            _pull_means(of_arrived[clip, here], arrived[clip, here], weights[clip, here], of_means)
            for q in range(places):
                held = landed[clip, here, q, 0] > 1
                of_trust[q] = 0 if held else of_trusted[clip, here, q, 0]
            _pull_pixels(
                (of_arrived[clip, here], weights[clip, here], of_means, of_trust),
                (maps[clip, sent], confidence[clip, sent], boost[clip, sent - way]),
                flows[clip, sent],
                width,
                way,
                (to_maps[clip, sent], to_confidence[clip, sent], to_boost[clip, sent - way]),
            )


@compiled
def _pull_means(of_arrived: ndarray, arrived: ndarray, weights: ndarray, of_means: ndarray) -> None:
    """What the means ask of the sum of weights that they were divided by."""
    nothing, zero = arrived.dtype.type(NOTHING), arrived.dtype.type(0)
    for q in range(len(arrived)):
        # A sum of weights under the least that is divided by does not move the mean.
        of_means[q] = zero
        if weights[q, 0] >= nothing:
            for c in range(arrived.shape[1]):
                of_means[q] += of_arrived[q, c] * arrived[q, c]


@compiled
def _pull_pixels(
    there: tuple[ndarray, ndarray, ndarray, ndarray],
    here: tuple[ndarray, ndarray, ndarray],
    flows: ndarray,
    width: int,
    way: int,
    found: tuple[ndarray, ndarray, ndarray],
) -> None:
    """Of one frame: from where its pixels landed, back to what they brought."""
    of_arrived, weights, of_means, of_trusts = there
    maps, confidence, boost = here
    to_maps, to_confidence, to_boost = found
    places, channels = maps.shape
    height, nothing, zero = places // width, maps.dtype.type(NOTHING), maps.dtype.type(0)
    of_sums = np.empty(channels, maps.dtype)
    for p in range(places):
        x, y = p % width + flows[p, 2 * way], p // width + flows[p, 2 * way + 1]
        if not (-1 < x < width and -1 < y < height):
            continue
        of_weight = of_trust = zero
        of_sums[:] = zero
        left, top = floor(x), floor(y)
        for row in range(max(top, 0), min(top + 2, height)):
            for column in range(max(left, 0), min(left + 2, width)):
                q = row * width + column
                tap = maps.dtype.type((1 - abs(y - row)) * (1 - abs(x - column)))
                part = tap / max(weights[q, 0], nothing)
                for c in range(channels):
                    of_sums[c] += part * of_arrived[q, c]
                of_weight -= part * of_means[q]
                of_trust += tap * of_trusts[q]
        trust, raised = confidence[p, 0], boost[p, 0]
        for c in range(channels):
            to_maps[p, c] += trust * raised * of_sums[c]
            of_weight += maps[p, c] * of_sums[c]
        to_confidence[p, 0] += of_trust + of_weight * raised
        to_boost[p, 0] = of_weight * trust
