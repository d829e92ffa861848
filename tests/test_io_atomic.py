"""Whole files or none."""

import errno
from pathlib import Path

import pytest

from flowmend.errors import InputError
from flowmend.io.atomic import write_bytes, write_text, write_with


def _left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_whole_files_into_new_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "text", "grün")
    assert (tmp_path / "a" / "b" / "text").read_bytes() == "grün".encode()
    write_with(tmp_path / "copy", lambda path: path.write_bytes(b"x"))
    assert (tmp_path / "copy").read_bytes() == b"x"


def test_permissions_are_those_of_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_bytes(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")

    def half(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        write_with(tmp_path / "file", half)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert _left_behind(tmp_path) == ["file"]


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes(tmp_path / "file", b"old")

    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\); free"):
        write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert _left_behind(tmp_path) == ["file"]


def test_the_real_full_device(tmp_path: Path) -> None:
    """What the kernel itself says: /dev/full refuses every byte."""
    if not Path("/dev/full").exists():
        pytest.skip("NO /dev/full: a really full device is not tested")
    with pytest.raises(InputError, match="No space left"):
        write_with(tmp_path / "file", lambda _: Path("/dev/full").write_bytes(b"x" * 10))
    assert _left_behind(tmp_path) == []


def test_a_fault_of_another_file_is_not_blamed_on_this_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="other"):
        write_with(tmp_path / "file", lambda _: (tmp_path / "other").read_bytes())
    assert _left_behind(tmp_path) == []
