"""Fixtures shared by all tests."""

from pathlib import Path

import pytest
import torch

PROJECT = Path(__file__).resolve().parents[1]
REAL_DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _one_thread_a_process() -> None:
    """Two torch threads beside another test process can be ten times slower than one."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's own folder."""
    return PROJECT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real clips; tests that use them are marked ``real_data``."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"REAL DATA MISSING: {REAL_DATA} is not there, real clips are not tested")
    return REAL_DATA
