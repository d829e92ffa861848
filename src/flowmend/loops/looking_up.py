"""The loops of :mod:`flowmend.networks.looking_up`: a pixel's channels are looked up together."""

from math import floor

from numpy import ndarray

from flowmend.loops.compiled import compiled


@compiled
def look_up(
    maps: ndarray,
    confidence: ndarray,
    flows: ndarray,
    width: int,
    way: int,
    arrived: ndarray,
    trusted: ndarray,
) -> None:
    """Fill the last two, which come as zeros.

    Args:
        maps: (B, T, P, K).
        confidence: (B, T, P, 1).
        flows: (B, T, P, 4): forward x, y; backward x, y; px.
        width: of the frame, px.
        way: 0 in the frame before, by the backward flow; 1 in the frame after, by the forward.
        arrived: (B, T, P, K).
        trusted: (B, T, P, 1).
    """
    clips, frames, places, channels = maps.shape
    height = places // width
    for clip in range(clips):
        for here in range(1 - way, frames - way):
            there = here - 1 + 2 * way
            for p in range(places):
                x = p % width + flows[clip, here, p, 2 - 2 * way]
                y = p // width + flows[clip, here, p, 3 - 2 * way]
                inside = 0 <= x <= width - 1 and 0 <= y <= height - 1
                x = min(x, width - 1.0) if x > 0 else 0.0
                y = min(y, height - 1.0) if y > 0 else 0.0
                left, top = floor(x), floor(y)
                for row in range(top, min(top + 2, height)):
                    for column in range(left, min(left + 2, width)):
                        q = row * width + column
                        tap = maps.dtype.type((1 - abs(y - row)) * (1 - abs(x - column)))
                        for c in range(channels):
                            arrived[clip, here, p, c] += tap * maps[clip, there, q, c]
                        if inside:
                            trusted[clip, here, p, 0] += tap * confidence[clip, there, q, 0]


@compiled
def look_up_gradients(
    of_arrived: ndarray,
    of_trusted: ndarray,
    maps: ndarray,
    confidence: ndarray,
    flows: ndarray,
    width: int,
    way: int,
    to_maps: ndarray,
    to_confidence: ndarray,
    to_flows: ndarray,
) -> None:
    """Add to the last three the gradients of :func:`look_up`'s first three arguments."""
    clips, frames, places, channels = maps.shape
    height, zero = places // width, maps.dtype.type(0)
    for clip in range(clips):
        for here in range(1 - way, frames - way):
            there = here - 1 + 2 * way
            for p in range(places):
                x = p % width + flows[clip, here, p, 2 - 2 * way]
                y = p // width + flows[clip, here, p, 3 - 2 * way]
                free_x, free_y = 0 < x < width - 1, 0 < y < height - 1  # not held at the border
                inside = 0 <= x <= width - 1 and 0 <= y <= height - 1
                of_trust = of_trusted[clip, here, p, 0] if inside else zero
                x = min(x, width - 1.0) if x > 0 else 0.0
                y = min(y, height - 1.0) if y > 0 else 0.0
                left, top = floor(x), floor(y)
                of_x = of_y = zero
                for row in range(top, min(top + 2, height)):
                    for column in range(left, min(left + 2, width)):
                        q = row * width + column
                        down = maps.dtype.type(1 - abs(y - row))
                        across = maps.dtype.type(1 - abs(x - column))
                        tap = down * across
                        of_tap = of_trust * confidence[clip, there, q, 0]
                        for c in range(channels):
                            g = of_arrived[clip, here, p, c]
                            to_maps[clip, there, q, c] += tap * g
                            of_tap += g * maps[clip, there, q, c]
                        to_confidence[clip, there, q, 0] += tap * of_trust
                        of_x += of_tap * down if column > left else -of_tap * down
                        of_y += of_tap * across if row > top else -of_tap * across
                if free_x:
                    to_flows[clip, here, p, 2 - 2 * way] += of_x
                if free_y:
                    to_flows[clip, here, p, 3 - 2 * way] += of_y
