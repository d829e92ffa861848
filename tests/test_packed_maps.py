"""Packed maps and hole values: round trips, same bytes, damaged files."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flowmend.errors import InputError
from flowmend.io.hole_values import (
    gather,
    read_hole_values,
    scatter,
    write_hole_values,
)
from flowmend.io.packed_maps import PackedMaps, read_packed_maps, write_packed_maps

FRAMES = 3
SHAPES = st.tuples(
    st.integers(0, 3), st.integers(1, 2), st.integers(1, 2), st.integers(1, 5), st.integers(1, 19)
)


def _maps(seed: int = 0, clips: int = 3, height: int = 5, width: int = 11) -> PackedMaps:
    maps = np.random.default_rng(seed).random((clips, 2, height, width)) < 0.4
    return PackedMaps.pack([f"clip {n}" for n in range(clips)], ["disc", "box"], maps, version=4)


def _values(maps: PackedMaps, seed: int = 0) -> tuple[np.ndarray, dict[str, list[np.ndarray]]]:
    """A flow of random numbers, and what two fills put in the holes."""
    flow = np.random.default_rng(seed).normal(size=(FRAMES, 2, 2, *maps.shape[-2:]))
    flow = flow.astype(np.float32)
    holes = maps.unpack().reshape(-1, *maps.shape[-2:])
    return flow, {
        "smooth": [gather(flow, hole) for hole in holes],
        "biharmonic": [gather(flow + 1, hole) for hole in holes],
    }


class TestPackedMaps:
    @settings(max_examples=40, deadline=None)
    @given(data=st.data(), shape=SHAPES)
    def test_any_maps_come_back(
        self, data: st.DataObject, shape: tuple[int, ...], tmp_path_factory
    ):
        maps = data.draw(arrays(np.bool_, shape))
        names = [f"a/{n}" for n in range(shape[0])]
        labels = [f"label {s}" for s in range(shape[1])]
        path = tmp_path_factory.mktemp("maps") / "maps.npz"
        write_packed_maps(path, PackedMaps.pack(names, labels, maps, version=2))
        found = read_packed_maps(path)
        assert (found.names, found.labels) == (tuple(names), tuple(labels))
        assert (found.version, found.shape) == (2, shape)
        assert np.array_equal(found.unpack(), maps)
        for n, name in enumerate(names):
            assert np.array_equal(found.get(name, labels[-1]), maps[n, -1])

    def test_same_maps_same_bytes(self, tmp_path: Path):
        for name in ("a.npz", "b.npz"):
            write_packed_maps(tmp_path / name, _maps())
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()

    def test_a_map_takes_a_bit_a_pixel(self):
        assert _maps(height=64, width=64).bits.nbytes == 3 * 2 * 64 * 64 // 8

    def test_maps_must_fit_their_names(self):
        with pytest.raises(ValueError, match="not bool"):
            PackedMaps.pack(["one"], ["box"], np.zeros((2, 1, 4, 4), bool), version=1)

    def test_unknown_clip_and_label_are_named(self, tmp_path: Path):
        write_packed_maps(tmp_path / "maps.npz", _maps())
        found = read_packed_maps(tmp_path / "maps.npz")
        with pytest.raises(InputError, match=r"maps.npz: has no clip 'nobody'.*clip 0"):
            found.get("nobody", "box")
        with pytest.raises(InputError, match="has no map 'star'; choose one of disc, box"):
            found.get("clip 0", "star")


class TestHoleValues:
    def test_what_was_gathered_is_scattered_back(self, tmp_path: Path):
        maps = _maps()
        flow, fills = _values(maps)
        write_hole_values(tmp_path / "fills.npz", maps.names, maps.labels, fills, FRAMES)
        found = read_hole_values(tmp_path / "fills.npz")
        for name in maps.names:
            for label in maps.labels:
                hole = maps.get(name, label)
                values = found.get("biharmonic", name, label)
                assert values.shape == (hole.sum(), FRAMES, 2, 2)
                filled = scatter(values, hole, flow)
                assert np.array_equal(filled, np.where(hole, flow + 1, flow))

    def test_pixels_stand_in_c_order(self):
        flow = np.arange(1 * 2 * 2 * 2 * 3, dtype=np.float32).reshape(1, 2, 2, 2, 3)
        hole = np.array([[False, True, False], [True, False, True]])
        assert gather(flow, hole)[:, 0, 1, 0].tolist() == [13.0, 15.0, 17.0]

    def test_same_values_same_bytes(self, tmp_path: Path):
        maps = _maps()
        for name in ("a.npz", "b.npz"):
            write_hole_values(tmp_path / name, maps.names, maps.labels, _values(maps)[1], FRAMES)
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()

    def test_no_clip_at_all(self, tmp_path: Path):
        write_hole_values(tmp_path / "none.npz", [], ["box"], {"smooth": []}, FRAMES)
        found = read_hole_values(tmp_path / "none.npz")
        assert found.fills["smooth"].shape == (0, FRAMES, 2, 2)

    def test_fills_must_fill_the_same_holes(self, tmp_path: Path):
        maps = _maps()
        fills = _values(maps)[1]
        fills["smooth"][0] = fills["smooth"][0][1:]
        with pytest.raises(ValueError, match="other holes"):
            write_hole_values(tmp_path / "x.npz", maps.names, maps.labels, fills, FRAMES)
        assert not list(tmp_path.iterdir())

    def test_unknown_fill_is_named(self, tmp_path: Path):
        maps = _maps()
        write_hole_values(tmp_path / "x.npz", maps.names, maps.labels, _values(maps)[1], FRAMES)
        with pytest.raises(InputError, match="no fill 'telea'; choose one of smooth, biharmonic"):
            read_hole_values(tmp_path / "x.npz").get("telea", "clip 0", "box")


@pytest.mark.parametrize("read", [read_packed_maps, read_hole_values])
class TestBadFiles:
    def test_missing(self, read, tmp_path: Path):
        with pytest.raises(InputError, match=r"nowhere\.npz: is missing"):
            read(tmp_path / "nowhere.npz")

    def test_truncated(self, read, tmp_path: Path):
        write_packed_maps(tmp_path / "x.npz", _maps())
        whole = (tmp_path / "x.npz").read_bytes()
        for size in (0, 10, len(whole) // 2, len(whole) - 3):
            (tmp_path / "x.npz").write_bytes(whole[:size])
            with pytest.raises(InputError, match=r"x\.npz: cannot be read as npz"):
                read(tmp_path / "x.npz")

    def test_a_flipped_byte(self, read, tmp_path: Path):
        maps = _maps()
        write_packed_maps(tmp_path / "maps.npz", maps)
        write_hole_values(tmp_path / "fills.npz", maps.names, maps.labels, _values(maps)[1], FRAMES)
        path = tmp_path / ("maps.npz" if read is read_packed_maps else "fills.npz")
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda member: member.compress_size)
        data = bytearray(path.read_bytes())
        data[largest.header_offset + 150 + largest.compress_size // 2] ^= 0xFF
        path.write_bytes(data)
        with pytest.raises(InputError, match=path.name):
            read(path)

    def test_of_something_else(self, read, tmp_path: Path):
        np.savez(tmp_path / "x.npz", names=np.array(["a"]))
        with pytest.raises(InputError, match=r"x\.npz: has no array 'labels'"):
            read(tmp_path / "x.npz")


def test_arrays_of_another_shape(tmp_path: Path):
    np.savez(
        tmp_path / "x.npz",
        names=["a"],
        labels=["b"],
        width=9,
        version=1,
        bits=np.zeros((1, 1, 4, 1), np.uint8),
    )
    with pytest.raises(InputError, match="another shape"):
        read_packed_maps(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", names=["a"], labels=["b"], offsets=[0, 3], fill_a=np.zeros((2, 1)))
    with pytest.raises(InputError, match="other holes"):
        read_hole_values(tmp_path / "y.npz")
