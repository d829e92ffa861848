"""The loops of :mod:`flowmend.networks.sources`."""

from numpy import ndarray

from flowmend.loops.compiled import compiled


@compiled
def weigh(maps: ndarray, known: ndarray, channels: tuple[int, ...], out: ndarray) -> None:
    """Fill ``out``.

    Args:
        maps: (N, P, C), the sources' channels one after the other.
        known: (N, P, S).
        channels: of each source.
        out: (N, P, C).
    """
    for n in range(maps.shape[0]):
        for p in range(maps.shape[1]):
            end = 0
            for s in range(len(channels)):
                start, end, trust = end, end + channels[s], known[n, p, s]
                for c in range(start, end):
                    out[n, p, c] = maps[n, p, c] * trust


@compiled
def weigh_gradients(
    gradient: ndarray,
    maps: ndarray,
    known: ndarray,
    channels: tuple[int, ...],
    to_maps: ndarray,
    to_known: ndarray,
) -> None:
    """Fill the last two with the gradients of :func:`weigh`'s first two arguments."""
    for n in range(maps.shape[0]):
        for p in range(maps.shape[1]):
            end = 0
            for s in range(len(channels)):
                start, end, trust = end, end + channels[s], known[n, p, s]
                of_trust = maps.dtype.type(0)
                for c in range(start, end):
                    to_maps[n, p, c] = gradient[n, p, c] * trust
                for c in range(start, end):
                    of_trust += gradient[n, p, c] * maps[n, p, c]
                to_known[n, p, s] = of_trust
