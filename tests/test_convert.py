"""`flowmend flow convert`: every pair of kinds, unknown flow, refusals that leave nothing."""

import itertools

import numpy as np
import pytest

from flowmend.errors import InputError
from flowmend.io.flo import read_flo, write_flo
from flowmend.io.flow_archive import FlowArchive
from flowmend.io.kitti import read_kitti, write_kitti
from flowmend.stages.convert import convert_flow

BOUND_PX = 1 / 128
KEYS = ["a/00000", "a/00001", "b/00000"]


def _flow(seed):
    return np.random.default_rng(seed).normal(0, 20, (2, 9, 14)).astype(np.float32)


FLOWS = {key: _flow(n) for n, key in enumerate(KEYS)}


def _convert(source, target, codec="fast", max_error_px=BOUND_PX):
    convert_flow(source, target, codec, max_error_px)


def _folder(path, suffix):
    for key, flow in FLOWS.items():
        (path / key).parent.mkdir(parents=True, exist_ok=True)
        (write_flo if suffix == ".flo" else write_kitti)(path / (key + suffix), flow)
    return path


def _read(path):
    return read_flo(path) if path.suffix == ".flo" else read_kitti(path)[0]


@pytest.mark.parametrize(("first", "second"), itertools.product([".flo", ".png", ".zip"], repeat=2))
def test_file_to_file(tmp_path, first, second):
    write_flo(tmp_path / "x.flo", FLOWS[KEYS[0]])
    _convert(tmp_path / "x.flo", tmp_path / f"y{first}")
    _convert(tmp_path / f"y{first}", tmp_path / f"z{second}")
    _convert(tmp_path / f"z{second}", tmp_path / "back.flo")
    exact = {first, second} == {".flo"}
    error = np.abs(read_flo(tmp_path / "back.flo") - FLOWS[KEYS[0]]).max()
    assert error <= (0 if exact else BOUND_PX)


@pytest.mark.parametrize("suffix", [".flo", ".png"])
@pytest.mark.parametrize("codec", ["fast", "small"])
def test_folder_to_archive_and_back(tmp_path, suffix, codec):
    _convert(_folder(tmp_path / "in", suffix), tmp_path / "a.zip", codec)
    archive = FlowArchive(tmp_path / "a.zip")
    assert archive.manifest["codec"] == codec
    assert archive.keys() == KEYS
    _convert(tmp_path / "a.zip", tmp_path / "flo")
    _convert(tmp_path / "a.zip", tmp_path / "kitti" / "*.png")
    for folder, kind in (("flo", ".flo"), ("kitti", ".png")):
        files = sorted(path for path in (tmp_path / folder).rglob("*") if path.is_file())
        assert files == [tmp_path / folder / (key + kind) for key in KEYS]
        for key, path in zip(KEYS, files, strict=True):
            assert np.array_equal(_read(path), archive.read(key))
            assert np.abs(_read(path) - FLOWS[key]).max() <= BOUND_PX
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "flo", "in", "kitti"]


def test_folder_to_folder(tmp_path):
    _convert(_folder(tmp_path / "in", ".flo"), tmp_path / "out" / "*.png")
    _convert(tmp_path / "out", tmp_path / "back" / "*.flo")
    for key, flow in FLOWS.items():
        assert np.abs(read_flo(tmp_path / "back" / f"{key}.flo") - flow).max() <= BOUND_PX


def test_archive_to_archive_of_another_codec(tmp_path):
    _convert(_folder(tmp_path / "in", ".flo"), tmp_path / "a.zip", "fast")
    _convert(tmp_path / "a.zip", tmp_path / "b.zip", "small")
    fast, small = FlowArchive(tmp_path / "a.zip"), FlowArchive(tmp_path / "b.zip")
    assert np.array_equal(fast.read_many(KEYS), small.read_many(KEYS))


def test_unknown_flow_stays_unknown_in_files_and_is_refused_by_archives(tmp_path):
    flow = _flow(0)
    flow[:, 2, 3] = np.nan
    write_flo(tmp_path / "x.flo", flow)
    _convert(tmp_path / "x.flo", tmp_path / "x.png")
    known = ~np.isnan(flow[0])
    assert np.array_equal(read_kitti(tmp_path / "x.png")[1], known)
    _convert(tmp_path / "x.png", tmp_path / "back.flo")
    back = read_flo(tmp_path / "back.flo", allow_unknown=True)
    assert np.array_equal(np.isnan(back), np.isnan(flow))
    with pytest.raises(InputError, match=r"a\.zip: x: holds NaN or infinite flow at 1 pixels"):
        _convert(tmp_path / "x.png", tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_what_cannot_be_converted_is_refused_by_name(tmp_path):
    folder, empty = _folder(tmp_path / "in", ".flo"), tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "x.txt").write_text("x")
    refused = [
        (tmp_path / "none.flo", "a.zip", r"none\.flo: is missing"),
        (tmp_path / "x.txt", "a.zip", r"x\.txt: has the unknown suffix '\.txt'.*\.flo"),
        (folder, "a.tif", r"a\.tif: has the unknown suffix '\.tif'.*\.flo"),
        (folder, "a.flo", r"in: holds 3 fields.*folder"),
        (folder, "empty", r"empty: exists"),
        (empty, "a.zip", r"empty: holds no flow"),
    ]
    for source, target, message in refused:
        with pytest.raises(InputError, match=message):
            _convert(source, tmp_path / target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "in", "x.txt"]


def test_two_files_of_one_name_are_refused(tmp_path):
    folder = _folder(_folder(tmp_path / "in", ".flo"), ".png")
    with pytest.raises(InputError, match=r"00000\.png: has the same name as 00000\.flo"):
        _convert(folder, tmp_path / "a.zip")


def test_kitti_refuses_a_bound_or_a_flow_beyond_it(tmp_path):
    folder = _folder(tmp_path / "in", ".flo")
    with pytest.raises(InputError, match=r"out/a/00000\.png: keeps flow to 0\.0078125 px"):
        _convert(folder, tmp_path / "out" / "*.png", max_error_px=1e-3)
    write_flo(folder / "b" / "00001.flo", _flow(0) + 600)
    with pytest.raises(InputError, match=r"out/b/00001\.png: cannot hold flow"):
        _convert(folder, tmp_path / "out" / "*.png")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_damaged_file_in_a_folder_is_named(tmp_path):
    folder = _folder(tmp_path / "in", ".flo")
    (folder / "a" / "00001.flo").write_bytes(b"PIEH")
    for target in ("a.zip", "out"):
        with pytest.raises(InputError, match=r"in/a/00001\.flo: is truncated"):
            _convert(folder, tmp_path / target)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
