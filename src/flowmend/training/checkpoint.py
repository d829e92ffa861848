"""Weights and interrupted runs on disk. Nothing here executes what a file holds."""

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from flowmend.errors import InputError
from flowmend.io.atomic import write_bytes


def save_model(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write weights as safetensors; ``metadata`` values are stored as canonical JSON."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = {key: json.dumps(value, sort_keys=True) for key, value in sorted(metadata.items())}
    write_bytes(path, safetensors.torch.save(contiguous, {"flowmend": json.dumps(text)}))


def read_model(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and metadata of :func:`save_model`.

    Raises:
        InputError: the file is missing, damaged, or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = (opened.metadata() or {}).get("flowmend")
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(path, "is missing", "run `dvc repro`, or check the path") from None
    except (SafetensorError, OSError) as error:
        raise InputError(path, f"is not a safetensors file ({error})", "train it again") from None
    if metadata is None:
        raise InputError(path, "was not written by flowmend", "give weights of a flowmend training")
    return tensors, {key: json.loads(value) for key, value in json.loads(metadata).items()}


class Checkpoint:
    """One interrupted run, kept in scratch and taken up only if it is the same run.

    Args:
        path: file of the checkpoint.
        fingerprint: of everything that the run depends on.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path, self._fingerprint = path, fingerprint

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a state of tensors, numbers, strings, lists and dicts."""
        buffer = io.BytesIO()
        torch.save({"fingerprint": self._fingerprint, "state": dict(state)}, buffer)
        write_bytes(self._path, buffer.getvalue())

    def load(self) -> dict[str, Any] | None:
        """The state, or None if there is none or it belongs to another run."""
        try:
            found = torch.load(self._path, map_location="cpu", weights_only=True)
        except (FileNotFoundError, EOFError, RuntimeError, pickle.UnpicklingError):
            return None
        if not isinstance(found, dict) or found.get("fingerprint") != self._fingerprint:
            return None
        return found["state"]
