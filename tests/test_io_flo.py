"""Middlebury .flo and KITTI PNG: round trips, sizes, bad files."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flowmend.errors import InputError
from flowmend.io.flo import decode_flo, encode_flo, read_flo, write_flo
from flowmend.io.kitti import encode_kitti, read_kitti, write_kitti

FLOW = np.random.default_rng(0).normal(0, 5, (2, 7, 11)).astype(np.float32)


@given(arrays(np.float32, (2, 3, 4), elements=st.floats(-1e9, 1e9, width=32)))
def test_flo_keeps_every_bit(flow):
    assert np.array_equal(decode_flo(encode_flo(flow), "a.flo"), flow)


def test_flo_layout_is_middleburys():
    data = encode_flo(np.arange(12, dtype=np.float32).reshape(2, 2, 3))
    assert data[:4] == b"PIEH"
    assert np.frombuffer(data[4:12], "<i4").tolist() == [3, 2]
    assert np.frombuffer(data[12:], "<f4").tolist() == [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]


def test_flo_file_round_trip(tmp_path):
    write_flo(tmp_path / "a.flo", FLOW)
    assert np.array_equal(read_flo(tmp_path / "a.flo"), FLOW)
    assert [path.name for path in tmp_path.iterdir()] == ["a.flo"]


GOOD = encode_flo(FLOW)
BAD_FLO = {
    "magic": (b"PIEX" + GOOD[4:], "PIEH"),
    "empty": (b"", "PIEH"),
    "header": (GOOD[:9], "truncated"),
    "short": (GOOD[:-1], "pixels need"),
    "long": (GOOD + b"x", "pixels need"),
    "negative size": (GOOD[:4] + np.array([-11, -7], "<i4").tobytes() + GOOD[12:], "-11x-7"),
    "absurd size": (GOOD[:4] + np.array([11, 2**30], "<i4").tobytes() + GOOD[12:], "1073741824"),
}


@pytest.mark.parametrize("name", BAD_FLO)
def test_bad_flo_is_refused_by_name(tmp_path, name):
    data, what = BAD_FLO[name]
    path = tmp_path / "bad.flo"
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"bad\.flo: .*{what}"):
        read_flo(path)


def test_missing_flo_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"none\.flo: cannot be read"):
        read_flo(tmp_path / "none.flo")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.5e9])
def test_unknown_flow_is_refused_or_nan(value):
    flow = FLOW.copy()
    flow[1, 2, 3] = value
    pixels = np.ascontiguousarray(flow.transpose(1, 2, 0)).tobytes()
    data = GOOD[:12] + pixels
    with pytest.raises(InputError, match=r"a\.flo: holds 1 pixels of unknown flow"):
        decode_flo(data, "a.flo")
    read = decode_flo(data, "a.flo", allow_unknown=True)
    assert np.isnan(read[:, 2, 3]).all()
    assert np.isnan(read).sum() == 2


def test_nan_is_written_as_unknown():
    flow = FLOW.copy()
    flow[:, 0, 0] = np.nan
    assert np.frombuffer(encode_flo(flow)[12:20], "<f4").tolist() == [1e10, 1e10]


def test_kitti_round_trip_within_half_a_step(tmp_path):
    valid = np.random.default_rng(1).random((7, 11)) < 0.5
    flow = np.where(valid, FLOW, np.nan)
    write_kitti(tmp_path / "a.png", flow, valid)
    read, read_valid = read_kitti(tmp_path / "a.png")
    assert np.array_equal(read_valid, valid)
    assert np.abs(read - flow)[:, valid].max() <= 1 / 128
    assert (read[:, ~valid] == 0).all()


def test_kitti_layout_is_the_development_kits():
    image = imagecodecs.png_decode(encode_kitti(np.array([[[1.0]], [[-2.0]]]), "a.png"))
    assert image.dtype == np.uint16
    assert image[0, 0].tolist() == [32768 + 64, 32768 - 128, 1]


def test_kitti_range():
    edges = np.array([[[-512.0, 511.984375]], [[0, 0]]])
    assert imagecodecs.png_decode(encode_kitti(edges, "a.png"))[0, :, 0].tolist() == [0, 65535]
    for value in (512.0, -512.1, np.nan, np.inf):
        with pytest.raises(InputError, match=r"a\.png: cannot hold flow"):
            encode_kitti(np.full((2, 1, 1), value), "a.png")


def test_bad_kitti_is_refused_by_name(tmp_path):
    good = encode_kitti(FLOW, "good.png")
    eight_bit = imagecodecs.png_encode(np.zeros((4, 4, 3), np.uint8))
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    for data in (b"", b"hello", good[: len(good) // 2], good[:-20], bytes(flipped), eight_bit):
        path = tmp_path / "bad.png"
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"bad\.png: "):
            read_kitti(path)
    with pytest.raises(InputError, match=r"none\.png: cannot be read"):
        read_kitti(tmp_path / "none.png")


@pytest.mark.real_data
def test_real_truth(real_data):
    """Sizes and ranges as published, and unknown flow where the benchmarks have it."""
    venus = real_data / "flow_gt/middlebury/other-gt-flow/Venus/flow10.flo"
    assert read_flo(venus, allow_unknown=True).shape == (2, 380, 420)
    wooden = real_data / "flow_gt/middlebury/other-gt-flow/RubberWhale/flow10.flo"
    with pytest.raises(InputError, match="unknown flow"):
        read_flo(wooden)
    assert 0 < np.isnan(read_flo(wooden, allow_unknown=True)[0]).mean() < 0.1
    flow, valid = read_kitti(real_data / "flow_gt/kitti/kitti_occ_000010_10.png")
    assert flow.shape == (2, 375, 1242)
    assert 0.1 < valid.mean() < 0.5
    assert np.abs(flow).max() < 100
