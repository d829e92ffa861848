"""Folder or zip: the same content through the same two methods; the same bytes every time."""

import zipfile

import pytest

from flowmend.errors import InputError
from flowmend.io.layout_zip import open_layout, writing_zip

FILES = {
    "JPEGImages/480p/a/00000.jpg": b"picture" * 100,
    "Flow/forward/a/00000.flo": bytes(4000),
    "ImageSets/2017/train.txt": b"a\n",
}


def _write(path, files=FILES):
    with writing_zip(path) as writer:
        for name, data in files.items():
            writer.add(name, data)


def test_folder_and_zip_read_alike(tmp_path):
    for name, data in FILES.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True)
        (tmp_path / "folder" / name).write_bytes(data)
    _write(tmp_path / "a.zip")
    for path in (tmp_path / "folder", tmp_path / "a.zip"):
        with open_layout(path) as layout:
            assert layout.names() == sorted(FILES)
            assert {name: layout.read(name) for name in FILES} == FILES


def test_same_files_same_bytes_without_a_clock(tmp_path, monkeypatch):
    _write(tmp_path / "a.zip")
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    _write(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def _fail_after_one_file(path):
    with writing_zip(path) as writer:
        writer.add("a.txt", b"a")
        raise RuntimeError


def test_a_failure_leaves_no_file(tmp_path):
    with pytest.raises(RuntimeError):
        _fail_after_one_file(tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_added_once(tmp_path):
    with writing_zip(tmp_path / "a.zip") as writer:
        writer.add("a.txt", b"a")
        with pytest.raises(ValueError, match="added before"):
            writer.add("a.txt", b"b")


def test_missing_members_are_named(tmp_path):
    _write(tmp_path / "a.zip")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "a.zip", tmp_path / "folder"):
        with open_layout(path) as layout, pytest.raises(InputError, match=r"none/1\.png"):
            layout.read("none/1.png")


def test_missing_truncated_and_foreign_zips_are_named(tmp_path):
    _write(tmp_path / "a.zip")
    data = (tmp_path / "a.zip").read_bytes()
    for name, content in {"cut.zip": data[:-30], "text.zip": b"hello", "empty.zip": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: is truncated or not a zip"):
            open_layout(tmp_path / name)
    with pytest.raises(InputError, match=r"none\.zip: cannot be read"):
        open_layout(tmp_path / "none.zip")


def test_a_damaged_member_is_named(tmp_path):
    _write(tmp_path / "a.zip")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[data.index(b"picture") + 20] ^= 255
    (tmp_path / "a.zip").write_bytes(data)
    with open_layout(tmp_path / "a.zip") as layout:
        with pytest.raises(InputError, match=r"a\.zip: JPEGImages/480p/a/00000\.jpg: is damaged"):
            layout.read("JPEGImages/480p/a/00000.jpg")
        assert layout.read("ImageSets/2017/train.txt") == b"a\n"
