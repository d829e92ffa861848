"""The loops of :mod:`flowmend.networks.told`: a pixel's channels of three frames, at once.

Both neighbours in one loop, and indices in full: rows of arrays, or a loop for each neighbour,
take twice as long. Features and flow have a loop each.
"""

from numpy import ndarray

from flowmend.loops.compiled import Count, compiled

DIFFERENCES = 6  # channels a neighbour: what its flow says of ours, and how it accelerates
Channels = tuple[Count, Count, Count]
"""Of a frame: features; how far they were known; flow."""
Three = tuple[ndarray, ndarray, ndarray]
"""The frame's own, and what arrived from the frame before and from the one after."""


@compiled
def products(
    own: ndarray,
    previous: ndarray,
    following: ndarray,
    known: ndarray,
    channels: Channels,
    unit: float,
    out: ndarray,
) -> None:
    """Fill ``out`` with what is told, times its confidence.

    Args:
        own, previous, following: (N, P, K): features; origins; flow, px, or nothing.
        known: (N, 3, P), confidence of each.
        channels: what those K are.
        unit: of flow, px.
        out: (N, P, channels told).
    """
    said, flow = (own, previous, following), channels[2]
    for n in range(len(own)):
        _features_said(n, said, known, channels, out)
        if len(flow) > 0:
            _flow_said(n, said, known, channels, own.dtype.type(unit), out)


@compiled
def gradients(
    gradient: ndarray,
    own: ndarray,
    previous: ndarray,
    following: ndarray,
    known: ndarray,
    channels: Channels,
    unit: float,
    to_own: ndarray,
    to_previous: ndarray,
    to_following: ndarray,
    to_known: ndarray,
) -> None:
    """Fill the last four with the gradients of :func:`products`' first four arguments."""
    said, flow = (own, previous, following), channels[2]
    to_said = to_own, to_previous, to_following
    for n in range(len(own)):
        _of_features(n, gradient, said, known, channels, to_said, to_known)
        if len(flow) > 0:
            one = own.dtype.type(unit)
            _of_flow(n, gradient, said, known, channels, one, to_said, to_known)


@compiled
def _starts(channels: Channels) -> tuple[int, int, int, int]:
    """Where the second and the third source begin, and the flow of each, of all told."""
    features, origins, flow = channels
    second = len(features) + len(origins)
    of_flow = 2 * second + len(features)
    third = of_flow + DIFFERENCES * (len(flow) > 0)
    return second, third, of_flow, third + second + len(features)


@compiled
def _features_said(n: int, said: Three, known: ndarray, channels: Channels, out: ndarray) -> None:
    own, previous, following = said
    features = channels[0]
    first, second, _, _ = _starts(channels)
    for p in range(own.shape[1]):
        t, u, v = known[n, 0, p], known[n, 1, p], known[n, 2, p]
        for c in range(len(features)):
            o, a, b = own[n, p, c], previous[n, p, c], following[n, p, c]
            out[n, p, c] = o * t
            out[n, p, first + c] = a * u
            out[n, p, 2 * first + c] = (a - o) * u
            out[n, p, second + c] = b * v
            out[n, p, second + first + c] = (b - o) * v
        for c in range(len(features), first):
            out[n, p, c] = own[n, p, c] * t
            out[n, p, first + c] = previous[n, p, c] * u
            out[n, p, second + c] = following[n, p, c] * v


@compiled
def _flow_said(
    n: int, said: Three, known: ndarray, channels: Channels, unit: float, out: ndarray
) -> None:
    own, previous, following = said
    first, _, before, after = _starts(channels)
    for p in range(own.shape[1]):
        u, v = known[n, 1, p] / unit, known[n, 2, p] / unit
        for axis in range(2):
            f, b = first + axis, first + 2 + axis  # forward, backward
            forward, backward = own[n, p, f], own[n, p, b]
            on, back, k = previous[n, p, f], previous[n, p, b], before + axis
            out[n, p, k], out[n, p, k + 2] = (on - forward) * u, (-on - backward) * u
            out[n, p, k + 4] = (on + back) * u
            on, back, k = following[n, p, b], following[n, p, f], after + axis
            out[n, p, k], out[n, p, k + 2] = (on - backward) * v, (-on - forward) * v
            out[n, p, k + 4] = (on + back) * v


@compiled
def _of_features(
    n: int,
    gradient: ndarray,
    said: Three,
    known: ndarray,
    channels: Channels,
    to_said: Three,
    to_known: ndarray,
) -> None:
    own, previous, following = said
    to_own, to_previous, to_following = to_said
    features, zero = channels[0], own.dtype.type(0)
    first, second, _, _ = _starts(channels)
    for p in range(own.shape[1]):
        t, u, v = known[n, 0, p], known[n, 1, p], known[n, 2, p]
        of_t = of_u = of_v = zero
        for c in range(len(features)):
            o, a, b = own[n, p, c], previous[n, p, c], following[n, p, c]
            g = gradient[n, p, c]
            of_a, of_less = gradient[n, p, first + c], gradient[n, p, 2 * first + c]
            of_b, of_fewer = gradient[n, p, second + c], gradient[n, p, second + first + c]
            of_t += g * o
            of_u += of_a * a + of_less * (a - o)
            of_v += of_b * b + of_fewer * (b - o)
            to_own[n, p, c] = g * t - of_less * u - of_fewer * v
            to_previous[n, p, c] = (of_a + of_less) * u
            to_following[n, p, c] = (of_b + of_fewer) * v
        for c in range(len(features), first):
            g, of_a = gradient[n, p, c], gradient[n, p, first + c]
            of_b = gradient[n, p, second + c]
            of_t += g * own[n, p, c]
            of_u += of_a * previous[n, p, c]
            of_v += of_b * following[n, p, c]
            to_own[n, p, c], to_previous[n, p, c] = g * t, of_a * u
            to_following[n, p, c] = of_b * v
        to_known[n, 0, p], to_known[n, 1, p], to_known[n, 2, p] = of_t, of_u, of_v


@compiled
def _of_flow(
    n: int,
    gradient: ndarray,
    said: Three,
    known: ndarray,
    channels: Channels,
    unit: float,
    to_said: Three,
    to_known: ndarray,
) -> None:
    own, previous, following = said
    to_own, to_previous, to_following = to_said
    first, _, before, after = _starts(channels)
    for p in range(own.shape[1]):
        u, v = known[n, 1, p] / unit, known[n, 2, p] / unit
        of_u = of_v = own.dtype.type(0)
        for axis in range(2):
            f, b = first + axis, first + 2 + axis
            forward, backward = own[n, p, f], own[n, p, b]
            on, back, k = previous[n, p, f], previous[n, p, b], before + axis
            of_on, of_back = gradient[n, p, k], gradient[n, p, k + 2]
            of_rate = gradient[n, p, k + 4]
            of_u += of_on * (on - forward) + of_back * (-on - backward) + of_rate * (on + back)
            to_previous[n, p, f] = (of_on - of_back + of_rate) * u
            to_previous[n, p, b] = of_rate * u
            of_f, of_b = of_on * u, of_back * u
            on, back, k = following[n, p, b], following[n, p, f], after + axis
            of_on, of_back = gradient[n, p, k], gradient[n, p, k + 2]
            of_rate = gradient[n, p, k + 4]
            of_v += of_on * (on - backward) + of_back * (-on - forward) + of_rate * (on + back)
            to_following[n, p, b] = (of_on - of_back + of_rate) * v
            to_following[n, p, f] = of_rate * v
            to_own[n, p, f], to_own[n, p, b] = -of_f - of_back * v, -of_b - of_on * v
        to_known[n, 1, p] += of_u / unit
        to_known[n, 2, p] += of_v / unit
