"""PyTorch checkpoints of others: data, never code, and checked tensor by tensor."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from flowmend.errors import InputError

_AS_PUBLISHED = "give the file as its authors publish it"


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Tensors of a PyTorch checkpoint: its entry ``state_dict``, or all of it.

    Both of PyTorch's formats are read, by an unpickler that builds tensors and plain containers
    only. A NumPy number, such as the ``best_EPE`` of FlowNet2's checkpoints, is passed over.

    Raises:
        InputError: the file is missing, truncated, damaged, no checkpoint, or holds other objects.
    """
    content = _unpickled(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise InputError(path, "holds no tensors by name", _AS_PUBLISHED)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            what = f"entry {name!r} is a {type(value).__name__} and no tensor"
            raise InputError(path, what, _AS_PUBLISHED)
    return {name: value.detach() for name, value in content.items()}


def verify(
    tensors: Mapping[str, Tensor], expected: Mapping[str, torch.Size], where: object
) -> None:
    """Check that these are the tensors of a network: names, shapes, finite real numbers.

    Args:
        tensors: by name.
        expected: shape of every tensor of the network.
        where: names the file in errors.

    Raises:
        InputError: the first missing, extra, misshapen or unusable tensor, and how many there are.
    """
    shapes = {name: tensors[name].shape for name in tensors.keys() & expected.keys()}
    odd = [name for name in expected if name in shapes and shapes[name] != expected[name]]
    faults = {
        "misses tensor {}": [name for name in expected if name not in tensors],
        "has tensor {}, which the network has not": [n for n in tensors if n not in expected],
        "has tensor {} of another shape than the network's": odd,
    }
    for what, names in faults.items():
        if names:
            raise InputError(where, _first(what, names), _AS_PUBLISHED)
    if names := [name for name, tensor in tensors.items() if not _is_usable(tensor)]:
        raise InputError(
            where, _first("has tensor {} without finite numbers", names), _AS_PUBLISHED
        )


class _PassedOver:
    """Stands for NumPy's numbers and their types in a pickle, of which nothing is wanted."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


_NUMBERS = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype")


def _unpickled(path: Path) -> object:
    try:
        with open(path, "rb") as opened, warnings.catch_warnings():
            if opened.read(1) == b"<":
                raise InputError(
                    path, "is a web page and no checkpoint", "fetch the file it offers"
                )
            opened.seek(0)
            warnings.simplefilter("ignore")
            with torch.serialization.safe_globals([(_PassedOver, name) for name in _NUMBERS]):
                # Python 2 wrote FlowNet2's: its strings are bytes, which latin-1 always decodes.
                return torch.load(opened, map_location="cpu", weights_only=True, encoding="latin-1")
    except InputError:
        raise
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path") from None
    except pickle.UnpicklingError as error:
        if found := re.search(r"GLOBAL (\w+(?:\.\w+)+)", str(error)):
            what = f"holds Python objects ({found[1]}), which are never run"
            raise InputError(path, what, _AS_PUBLISHED) from None
        raise _damaged(path) from None
    except Exception:  # foreign bytes: PyTorch promises no particular error for them
        raise _damaged(path) from None


def _damaged(path: Path) -> InputError:
    return InputError(path, "is truncated, damaged or no PyTorch checkpoint", "fetch it again")


def _first(what: str, names: list[str]) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return what.format(names[0]) + more


def _is_usable(tensor: Tensor) -> bool:
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    return plain and tensor.is_floating_point() and bool(torch.isfinite(tensor).all())
