"""Published weights of others' networks, kept as safetensors.

A file of weights ``<name>.safetensors`` has a record ``<name>.json`` beside it, small enough for
git, with the sha256 of the file and of the checkpoint it was converted from.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from flowmend.errors import InputError
from flowmend.io.atomic import write_text, write_with
from flowmend.io.foreign_checkpoint import verify

PUBLISHED = dict.fromkeys(
    ("flownet2", "flownet2_s", "flownet2_c", "flownet2_cs", "flownet2_css", "flownet2_sd"),
    "https://github.com/NVIDIA/flownet2-pytorch",
) | {"hed": "https://github.com/sniklaus/pytorch-hed"}
"""Where the authors of each network's weights publish them; their README has the links."""

Network = TypeVar("Network", bound=nn.Module)


def weights_path(name: str, checkpoint: str | Path | None = None) -> Path:
    """Where the weights of a network in :data:`PUBLISHED` lie, if not at a ``checkpoint``."""
    if checkpoint is not None:
        return Path(checkpoint)
    return Path("weights", "edges" if name == "hed" else "flow", f"{name}.safetensors")


def record_path(path: Path) -> Path:
    """Where the record of a file of weights lies."""
    return path.with_suffix(".json")


def sha256_of(path: Path) -> str:
    """sha256 (hex) of a file.

    Raises:
        InputError: it is missing or cannot be read.
    """
    try:
        with open(path, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path") from None


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors as float32 safetensors, and the record beside them.

    Args:
        path: ``<name>.safetensors``.
        tensors: by name.
        metadata: what else the record says: JSON values.

    Raises:
        InputError: the disk is full or the folder cannot be written.
    """
    kept = {name: tensor.float().contiguous().clone() for name, tensor in sorted(tensors.items())}
    write_with(path, lambda temporary: safetensors.torch.save_file(kept, temporary))
    record = {
        **metadata,
        "parameters": sum(tensor.numel() for tensor in kept.values()),
        "safetensors_sha256": sha256_of(path),
        "tensors": len(kept),
    }
    write_text(record_path(path), json.dumps(record, indent=1, sort_keys=True) + "\n")


def read_record(path: Path) -> dict[str, Any] | None:
    """The record beside a file of weights, or None if there is none.

    Raises:
        InputError: it is damaged.
    """
    record = record_path(path)
    try:
        found = json.loads(record.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(record, f"is damaged ({error})", "restore it from git") from None
    if not isinstance(found, dict):
        raise InputError(record, "is damaged (no record)", "restore it from git")
    return found


def read_weights(
    path: Path, expected: Mapping[str, torch.Size], name: str | None = None
) -> dict[str, Tensor]:
    """Tensors of a file that :func:`write_weights` wrote.

    Args:
        path: the file.
        expected: shape of every tensor of the network.
        name: of the network, in :data:`PUBLISHED`; by default what the file is called.

    Raises:
        InputError: the file is missing (the line says who publishes it and how to add it), is not
            the one its record tells of, or has other tensors than the network.
    """
    name = name or path.stem
    add = f"run `flowmend weights add {name} FILE`"
    if not path.is_file():
        what = f"is missing: its authors publish it, see {PUBLISHED.get(name, 'their page')}"
        raise InputError(path, what, f"fetch it and {add}")
    record = read_record(path)
    if record is None:
        raise InputError(record_path(path), f"is missing: nothing vouches for {path.name}", add)
    if record.get("safetensors_sha256") != sha256_of(path):
        raise InputError(path, f"is not what {record_path(path).name} records (sha256)", add)
    try:
        tensors = safetensors.torch.load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(path, f"is not a safetensors file ({error})", add) from None
    verify(tensors, expected, path)
    return tensors


def shapes_of(build: Callable[[], nn.Module]) -> dict[str, torch.Size]:
    """Shape of every tensor of a network, which takes no memory."""
    with torch.device("meta"):
        return {name: tensor.shape for name, tensor in build().state_dict().items()}


def load_network(
    build: Callable[[], Network], name: str, path: str | Path | None = None
) -> Network:
    """A network with its published weights, on the CPU, in evaluation mode and without gradients.

    Args:
        build: makes the network.
        name: of its weights, in :data:`PUBLISHED`.
        path: of its weights; by default :func:`weights_path`.

    Raises:
        InputError: as :func:`read_weights`.
    """
    tensors = read_weights(weights_path(name, path), shapes_of(build), name)
    network = build()
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False)
