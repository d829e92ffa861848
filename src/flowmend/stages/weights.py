"""``flowmend weights add``: a network's published weights become part of the project."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from flowmend.edges.hed import HED
from flowmend.errors import InputError
from flowmend.estimators.flownet2 import NETWORKS
from flowmend.io.foreign_checkpoint import read_checkpoint, verify
from flowmend.io.weights import (
    PUBLISHED,
    read_record,
    record_path,
    sha256_of,
    shapes_of,
    weights_path,
    write_weights,
)


@dataclass(frozen=True)
class Entry:
    """A network that takes published weights.

    Attributes:
        build: makes it.
        renamed: prefix of tensors in some copies of the file -> prefix in the network.
    """

    build: Callable[[], nn.Module]
    renamed: Mapping[str, str] = field(default_factory=dict)


CATALOGUE = {name: Entry(build) for name, build in NETWORKS.items()} | {
    "hed": Entry(HED, {"module": "net"})
}
"""By the name that ``flowmend weights add`` takes."""


def add(name: str, file: Path) -> str:
    """Verify a checkpoint, convert it to safetensors and let DVC track it; say what was done.

    Writes ``weights/flow/<name>.safetensors`` (or ``weights/edges/hed.safetensors``), its record
    ``.json`` and DVC's ``.dvc``, which are for git. A record that is there already says which file
    the project was made with: another one is refused.

    Raises:
        InputError: no such network; the file is missing, damaged, holds objects, is not the
            recorded one, or its tensors are not the network's; DVC refuses.
    """
    if name not in CATALOGUE:
        one_of = f"choose one of {', '.join(CATALOGUE)}"
        raise InputError("flowmend weights add", f"knows no {name!r}", one_of)
    _check_folder()
    entry, path = CATALOGUE[name], weights_path(name)
    digest = sha256_of(file)
    _check_recorded(path, file, digest)
    tensors = _renamed(read_checkpoint(file), entry.renamed)
    verify(tensors, shapes_of(entry.build), file)
    facts = {"network": name, "published": PUBLISHED[name], "source_sha256": digest}
    write_weights(path, tensors, facts)
    _track(path)
    parameters = sum(tensor.numel() for tensor in tensors.values())
    kept = f"{path}: {len(tensors)} tensors, {parameters:,} parameters"
    return f"{kept}; for git: {record_path(path)} and {path}.dvc"


def _check_folder() -> None:
    if not Path("dvc.yaml").is_file():
        raise InputError("dvc.yaml", "is missing", "run flowmend in the project's folder")


def _check_recorded(path: Path, file: Path, digest: str) -> None:
    recorded = (read_record(path) or {}).get("source_sha256", digest)
    if recorded != digest:
        what = f"is not the file that {record_path(path)} records (sha256 {recorded[:16]}…)"
        raise InputError(file, what, "give that file, or remove the record to take this one")


def _renamed(tensors: Mapping[str, Tensor], prefixes: Mapping[str, str]) -> dict[str, Tensor]:
    found = {}
    for name, tensor in tensors.items():
        old = next((prefix for prefix in prefixes if name.startswith(prefix)), "")
        found[prefixes.get(old, "") + name.removeprefix(old)] = tensor
    return found


def _track(path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "dvc", "add", "--quiet", str(path)],
        capture_output=True,
        text=True,
        env=os.environ | {"DVC_NO_ANALYTICS": "1"},
    )
    if ended.returncode:
        words = ended.stderr.strip().splitlines() or ["no message"]
        what = f"does not track it ({words[-1].removeprefix('ERROR: ')})"
        raise InputError(f"dvc add {path}", what, "mend that and add the weights again")
