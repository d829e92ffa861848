"""The loops of :mod:`flowmend.networks.told`: a pixel's channels of three frames, at once.

Both neighbours in one loop, and indices in full: rows of arrays, or a loop for each neighbour,
take twice as long.
"""

from numpy import ndarray

from flowmend.networks.compiled import compiled


@compiled
def products(
    own: ndarray,
    previous: ndarray,
    following: ndarray,
    known: ndarray,
    features: int,
    origins: int,
    unit: float,
    out: ndarray,
) -> None:
    """Fill ``out`` with what is told, times its confidence.

    Args:
        own, previous, following: (N, P, K): features; origins; flow, px, or nothing.
        known: (N, P, 3), confidence of each.
        features, origins: how many of the channels.
        unit: of flow, px.
        out: (N, P, channels told).
    """
    images, places, held = own.shape
    unit, first = own.dtype.type(unit), features + origins
    second = 2 * first + features + 6 * (held > first)
    for n in range(images):
        for p in range(places):
            t, u, v = known[n, p, 0], known[n, p, 1], known[n, p, 2]
            for c in range(features):
                o, a, b = own[n, p, c], previous[n, p, c], following[n, p, c]
                out[n, p, c] = o * t
                out[n, p, first + c] = a * u
                out[n, p, 2 * first + c] = (a - o) * u
                out[n, p, second + c] = b * v
                out[n, p, second + first + c] = (b - o) * v
            for c in range(features, first):
                out[n, p, c] = own[n, p, c] * t
                out[n, p, first + c] = previous[n, p, c] * u
                out[n, p, second + c] = following[n, p, c] * v
            if held > first:
                before, after = 2 * first + features, second + first + features
                for f in range(first, first + 2):  # forward flow; b, backward
                    b = f + 2
                    on, back = previous[n, p, f], previous[n, p, b]
                    out[n, p, before] = (on - own[n, p, f]) / unit * u
                    out[n, p, before + 2] = (-on - own[n, p, b]) / unit * u
                    out[n, p, before + 4] = (on + back) / unit * u
                    on, back = following[n, p, b], following[n, p, f]
                    out[n, p, after] = (on - own[n, p, b]) / unit * v
                    out[n, p, after + 2] = (-on - own[n, p, f]) / unit * v
                    out[n, p, after + 4] = (on + back) / unit * v
                    before, after = before + 1, after + 1


@compiled
def gradients(
    gradient: ndarray,
    own: ndarray,
    previous: ndarray,
    following: ndarray,
    known: ndarray,
    features: int,
    origins: int,
    unit: float,
    to_own: ndarray,
    to_previous: ndarray,
    to_following: ndarray,
    to_known: ndarray,
) -> None:
    """Fill the last four with the gradients of :func:`products`' first four arguments."""
    images, places, held = own.shape
    unit, zero, first = own.dtype.type(unit), own.dtype.type(0), features + origins
    second = 2 * first + features + 6 * (held > first)
    for n in range(images):
        for p in range(places):
            t, u, v = known[n, p, 0], known[n, p, 1], known[n, p, 2]
            of_t = of_u = of_v = zero
            for c in range(features):
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
            for c in range(features, first):
                g, of_a = gradient[n, p, c], gradient[n, p, first + c]
                of_b = gradient[n, p, second + c]
                of_t += g * own[n, p, c]
                of_u += of_a * previous[n, p, c]
                of_v += of_b * following[n, p, c]
                to_own[n, p, c], to_previous[n, p, c], to_following[n, p, c] = (
                    g * t,
                    of_a * u,
                    of_b * v,
                )
            if held > first:
                before, after = 2 * first + features, second + first + features
                for f in range(first, first + 2):
                    b = f + 2
                    ours, theirs = own[n, p, f], own[n, p, b]
                    on, back = previous[n, p, f], previous[n, p, b]
                    of_on, of_back = (
                        gradient[n, p, before] / unit,
                        gradient[n, p, before + 2] / unit,
                    )
                    of_rate = gradient[n, p, before + 4] / unit
                    of_u += of_on * (on - ours) + of_back * (-on - theirs) + of_rate * (on + back)
                    to_previous[n, p, f] = (of_on - of_back + of_rate) * u
                    to_previous[n, p, b] = of_rate * u
                    to_own[n, p, f], to_own[n, p, b] = -of_on * u, -of_back * u
                    on, back = following[n, p, b], following[n, p, f]
                    of_on = gradient[n, p, after] / unit
                    of_back = gradient[n, p, after + 2] / unit
                    of_rate = gradient[n, p, after + 4] / unit
                    of_v += of_on * (on - theirs) + of_back * (-on - ours) + of_rate * (on + back)
                    to_following[n, p, b] = (of_on - of_back + of_rate) * v
                    to_following[n, p, f] = of_rate * v
                    to_own[n, p, b] -= of_on * v
                    to_own[n, p, f] -= of_back * v
                    before, after = before + 1, after + 1
            to_known[n, p, 0], to_known[n, p, 1], to_known[n, p, 2] = of_t, of_u, of_v
