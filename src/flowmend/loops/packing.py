"""The loops of :mod:`flowmend.networks.packing`: what a pixel sends, in one pass.

Each loop over channels reads and writes two arrays or three: a number known when compiled, as in
:mod:`flowmend.loops.told`, makes those take twice as long.
"""

from math import sqrt

from numpy import ndarray

from flowmend.loops.compiled import compiled


@compiled
def pack(
    features: ndarray,
    known: ndarray,
    flows: ndarray,
    origins: int,
    flow: int,
    unit: float,
    scale: ndarray,
    sent: ndarray,
) -> None:
    """Fill the last two: features held, then as many of the others as are sent.

    Args:
        features: (N, P, C).
        known: (N, P, 1).
        flows: (N, P, 4), px.
        origins, flow: channels of ``known`` and of ``flows`` that are sent.
        unit: sum of squares over the channels from which features are held.
        scale: (N, P, 1), of the features.
        sent: (N, P, K).
    """
    images, places, held = features.shape
    one, unit = features.dtype.type(1), features.dtype.type(unit)
    for n in range(images):
        for p in range(places):
            squares = features.dtype.type(0)
            for c in range(held):
                squares += features[n, p, c] * features[n, p, c]
            s = one / sqrt(one + squares / unit)
            scale[n, p, 0] = s
            for c in range(held):
                sent[n, p, c] = features[n, p, c] * s
            for c in range(origins):
                sent[n, p, held + c] = known[n, p, c]
            for c in range(flow):
                sent[n, p, held + origins + c] = flows[n, p, c]


@compiled
def unpack(
    gradient: ndarray,
    features: ndarray,
    scale: ndarray,
    origins: int,
    flow: int,
    unit: float,
    to_features: ndarray,
    to_flows: ndarray,
) -> None:
    """Fill the last two with the gradients of :func:`pack`'s features and flows."""
    (images, places, held), unit = features.shape, features.dtype.type(unit)
    for n in range(images):
        for p in range(places):
            along, s = features.dtype.type(0), scale[n, p, 0]
            for c in range(held):
                along += gradient[n, p, c] * features[n, p, c]
            shrinks = along * s * s * s / unit
            for c in range(held):
                to_features[n, p, c] = gradient[n, p, c] * s - features[n, p, c] * shrinks
            for c in range(flow):
                to_flows[n, p, c] = gradient[n, p, held + origins + c]
