"""Maps as compiled loops see them: a pixel's channels together in memory."""

import torch
from numpy import ndarray
from torch import Tensor


def takes(*tensors: Tensor) -> bool:
    """Whether compiled loops take these: all on the CPU, all float32 or all float64."""
    dtypes = {each.dtype for each in tensors}
    on_cpu = all(each.device.type == "cpu" for each in tensors)
    return on_cpu and len(dtypes) == 1 and dtypes <= {torch.float32, torch.float64}


def pixels(maps: Tensor) -> ndarray:
    """(..., C, H, W) as (..., H W, C): the same memory where a pixel's channels lie together."""
    last: ndarray = maps.detach().movedim(-3, -1).contiguous().flatten(-3, -2).numpy()
    return last


def planes(maps: Tensor) -> ndarray:
    """(..., H, W) as it is: the same memory where each channel lies in one piece."""
    whole: ndarray = maps.detach().contiguous().numpy()
    return whole


def empty_pixels(like: Tensor) -> Tensor:
    """Of the shape of (..., C, H, W) maps, a pixel's channels together in memory."""
    *batch, channels, height, width = like.shape
    return like.new_empty((*batch, height, width, channels)).movedim(-1, -3)


def zero_pixels(like: Tensor) -> Tensor:
    """Zeros of the shape of (..., C, H, W) maps, a pixel's channels together in memory."""
    return empty_pixels(like).zero_()
