"""What tensors free stays with the process: no page is taken from the system twice."""

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from flowmend.training.memory import keep_freed_memory

def churn():
    held = torch.ones(64)
    for _ in range(20):
        del held
        held = torch.ones(1 << 24)  # 64 MB

if sys.argv[1] == "keep":
    keep_freed_memory()
churn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
churn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _page_faults(how: str) -> int:
    ended = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
    )
    return int(ended.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc alone is told so")
def test_freed_memory_is_used_again() -> None:
    assert _page_faults("keep") < _page_faults("do not") / 10
