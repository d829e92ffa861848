"""Loops over pixels, compiled at their first call (Numba).

What PyTorch does map by map costs as much memory traffic as there are operations; one loop does it
all while a pixel's channels are at hand. The CPU alone has such loops; other devices and half
precision take the same formulas map by map.
"""

from collections.abc import Callable
from functools import partial

import numba
import torch
from numpy import ndarray
from torch import Tensor


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


def takes(*tensors: Tensor) -> bool:
    """Whether compiled loops take these: all on the CPU, all float32 or all float64."""
    dtypes = {each.dtype for each in tensors}
    on_cpu = all(each.device.type == "cpu" for each in tensors)
    return on_cpu and len(dtypes) == 1 and dtypes <= {torch.float32, torch.float64}


def pixels(maps: Tensor) -> ndarray:
    """(..., C, H, W) as (..., H W, C): the same memory where a pixel's channels lie together."""
    last: ndarray = maps.detach().movedim(-3, -1).contiguous().flatten(-3, -2).numpy()
    return last


def empty_pixels(like: Tensor) -> Tensor:
    """Of the shape of (..., C, H, W) maps, a pixel's channels together in memory."""
    *batch, channels, height, width = like.shape
    return like.new_empty((*batch, height, width, channels)).movedim(-1, -3)


def zero_pixels(like: Tensor) -> Tensor:
    """Zeros of the shape of (..., C, H, W) maps, a pixel's channels together in memory."""
    return empty_pixels(like).zero_()
