"""How loops are compiled, and the numbers that they know by then."""

from collections.abc import Callable
from functools import partial

import numba


def compiled(loop: Callable) -> Callable:
    """``loop``, compiled for the types that it meets; kept on disk where there is a place.

    Its sums are taken in any order, and x / 0 is what it is in arrays, no exception: with either
    rule the compiler may not turn a loop into vector instructions.
    """
    make = partial(numba.njit, fastmath={"reassoc", "contract"}, error_model="numpy")
    try:
        return make(loop, cache=True)
    except RuntimeError:  # neither beside the code nor at home
        return make(loop)


Count = tuple[int, ...]
"""A number that loops know when they are compiled: the length of a tuple is part of its type.

Loops over several arrays and as many channels take a quarter to a half less time then.
"""


def count(number: int) -> Count:
    """``number`` for a compiled loop."""
    return (0,) * number
