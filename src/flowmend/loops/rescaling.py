"""The loops of :mod:`flowmend.networks.rescaling`."""

from numpy import ndarray

from flowmend.loops.compiled import compiled


@compiled
def rescale(x: ndarray, scale: ndarray, anything: ndarray, bias: ndarray, out: ndarray) -> None:
    """Fill ``out``, (N, P, C) as ``x``; scale and anything are (N, P, 1), the bias (C,)."""
    for n in range(x.shape[0]):
        for p in range(x.shape[1]):
            by, any_ = scale[n, p, 0], anything[n, p, 0]
            for c in range(x.shape[2]):
                out[n, p, c] = x[n, p, c] * by + bias[c] * any_


@compiled
def rescale_gradients(
    gradient: ndarray,
    x: ndarray,
    scale: ndarray,
    anything: ndarray,
    to_x: ndarray,
    to_scale: ndarray,
    to_bias: ndarray,
) -> None:
    """Fill the first two of the last three with gradients; ``to_bias``, (N, C), comes as zeros."""
    for n in range(x.shape[0]):
        for p in range(x.shape[1]):
            by, any_, of_scale = scale[n, p, 0], anything[n, p, 0], x.dtype.type(0)
            for c in range(x.shape[2]):
                to_x[n, p, c] = gradient[n, p, c] * by
            for c in range(x.shape[2]):
                of_scale += gradient[n, p, c] * x[n, p, c]
            for c in range(x.shape[2]):
                to_bias[n, c] += gradient[n, p, c] * any_
            to_scale[n, p, 0] = of_scale
