"""Hand a finished run over between DVC and Snakemake.

``dvc commit --force`` and ``snakemake --touch`` both bless whatever lies on the disk. Here either
is done only when one tool is provably clean, and checked afterwards.
"""

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

from flowmend.errors import InputError

RECORDS = Path(".snakemake") / "metadata"
CLOCK_SLACK_S = 1e-3


def adopt() -> str:
    """Make the tool that is behind accept what the other has built; say what was done.

    Raises:
        InputError: neither tool, or after the hand-over not both, holds the outputs for up to date.
    """
    behind = {"DVC": _stale_in_dvc(), "Snakemake": _stale_in_snakemake()}
    if not any(behind.values()):
        return "DVC and Snakemake agree that everything is up to date: nothing to adopt"
    if all(behind.values()):
        raise InputError(
            "flowmend adopt",
            "; ".join(f"{tool} is not clean ({_some(names)})" for tool, names in behind.items()),
            "finish `dvc repro` or `snakemake --cores N` first",
        )
    if behind["DVC"]:
        done = f"DVC has adopted what Snakemake built ({_some(behind['DVC'])})"
        _call("dvc", "commit", "--force")
    else:
        done = f"Snakemake has adopted what DVC built ({_some(behind['Snakemake'])})"
    # Also after `dvc commit`: it moves files to its cache and back, which makes them look new.
    _call("snakemake", "--touch", "--forceall", "--cores", "1")
    if left := _stale_in_dvc() + _stale_in_snakemake():
        raise InputError(
            "flowmend adopt", f"not clean afterwards: {_some(left)}", "run `dvc repro`"
        )
    return done


def _stale_in_dvc() -> list[str]:
    """Stages of which DVC does not hold command, params, dependencies and outputs for current."""
    return sorted(json.loads(_call("dvc", "status", "--json")))


def _stale_in_snakemake() -> list[str]:
    """Outputs that Snakemake would make again, never made, or that changed since it did."""
    header, *rows = _call("snakemake", "--summary").splitlines()
    columns = header.split("\t")
    outputs = [dict(zip(columns, row.split("\t"))) for row in rows]
    return [
        output["output_file"]
        for output in outputs
        if output["plan"] != "no update" or not _is_as_made(Path(output["output_file"]))
    ]


def _is_as_made(output: Path) -> bool:
    """Whether nothing in ``output`` is younger than Snakemake's record of making it."""
    record = RECORDS / urlsafe_b64encode(output.as_posix().encode()).decode()
    try:
        made = json.loads(record.read_text())["endtime"]
        paths = [output, *output.rglob("*")] if output.is_dir() else [output]
        return all(path.stat().st_mtime <= made + CLOCK_SLACK_S for path in paths)
    except (FileNotFoundError, ValueError, KeyError):
        return False


def _call(tool: str, *arguments: str) -> str:
    """Run a front end of this environment and return what it prints.

    Raises:
        InputError: it fails, for instance because another run holds the project's lock.
    """
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", tool, *arguments], capture_output=True, text=True, env=environment
    )
    if ended.returncode:
        words = ended.stderr.strip().splitlines() or ["no message"]
        reason = words[-1].removeprefix("flowmend: ").removeprefix("ERROR: ").split(". ")[0]
        raise InputError(
            " ".join([tool, *arguments]), reason, "let other runs end, or try it by itself"
        )
    return ended.stdout


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
