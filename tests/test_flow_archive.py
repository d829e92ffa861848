"""Flow archives: the promised error, the same bytes, random access, damage, foreign readers."""

import errno
import io
import json
import textwrap
import zipfile

import cv2
import imagecodecs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from flowmend.errors import InputError
from flowmend.io import flow_archive
from flowmend.io.codecs import CODECS, step_px
from flowmend.io.flow_archive import FlowArchive, FlowArchiveWriter

BOUND_PX = 1 / 128
GUARANTEED = ["fast", "small"]


def _smooth_flow(seed, height=24, width=31, scale_px=8.0):
    noise = np.random.default_rng(seed).normal(0, 1, (height, width, 2)).astype(np.float32)
    return scale_px * cv2.GaussianBlur(noise, (0, 0), 4).transpose(2, 0, 1)


FIELDS = {f"clip-{n % 2}/forward/{n}": _smooth_flow(n) for n in range(4)}


def _write(path, codec="fast", fields=FIELDS, max_error_px=BOUND_PX, **more):
    with FlowArchiveWriter(path, codec, max_error_px, **more) as writer:
        for key, flow in fields.items():
            writer.add(key, flow)
    return path


flows = array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(
    lambda size: arrays(np.float32, (2, *size), elements=st.floats(-3000, 3000, width=32))
)


@pytest.mark.parametrize("codec", GUARANTEED)
@settings(max_examples=60, deadline=None)
@given(flow=flows, max_error_px=st.floats(1e-5, 1))
def test_no_value_is_off_by_more_than_promised(codec, flow, max_error_px):
    coder = CODECS[codec](step_px(max_error_px))
    decoded = coder.decode(*coder.encode(flow))
    assert decoded.dtype == np.float32
    assert decoded.shape == flow.shape
    assert np.abs(decoded.astype(np.float64) - flow).max() <= max_error_px


@given(max_error_px=st.floats(1e-6, 1))
@example(max_error_px=1 / 128)
@example(max_error_px=float(np.nextafter(1 / 128, 0)))
def test_the_step_is_the_greatest_power_of_two_that_fits(max_error_px):
    step = step_px(max_error_px)
    assert step / 2 <= max_error_px < step
    assert np.frexp(step)[0] == 0.5


@pytest.mark.parametrize("codec", GUARANTEED)
@pytest.mark.parametrize("span_px", [900.0, 1023.984375, 1024.0, 3e5])
def test_spans_around_and_beyond_sixteen_bits(tmp_path, codec, span_px):
    """1024 px are 65536 steps of 1/64 px."""
    flow = _smooth_flow(0)
    flow[0, 3, 4], flow[0, 5, 6] = -span_px / 2, span_px / 2
    path = _write(tmp_path / "a.zip", codec, {"wide": flow})
    assert np.abs(FlowArchive(path).read("wide") - flow).max() <= BOUND_PX


@pytest.mark.parametrize("codec", GUARANTEED)
def test_flow_on_the_steps_is_kept_to_the_bit(tmp_path, codec):
    flow = np.random.default_rng(0).integers(-(2**15), 2**15, (2, 30, 20)) / np.float32(64)
    path = _write(tmp_path / "a.zip", codec, {"noise": flow})
    assert np.array_equal(FlowArchive(path).read("noise"), flow)


def test_the_reports_error_grows_with_the_range_and_is_recorded(tmp_path):
    flow = _smooth_flow(0)
    bounds = []
    for outlier_px in (10.0, 100.0):
        flow[0, 0, 0] = outlier_px
        archive = FlowArchive(_write(tmp_path / "a.zip", "report", {"a": flow}))
        bounds.append(archive.manifest["max_error_px"])
        assert np.abs(archive.read("a") - flow).max() == pytest.approx(bounds[-1])
        assert bounds[-1] <= (flow.max() - flow.min()) / 510 + 1e-5
    assert bounds[1] > 4 * bounds[0] > 4 * BOUND_PX


@pytest.mark.parametrize("codec", CODECS)
def test_constant_flow_and_single_pixels(tmp_path, codec):
    fields = {
        "still": np.zeros((2, 8, 9)),
        "even": np.full((2, 8, 9), -2.5),
        "dot": [[[3]], [[-1]]],
    }
    archive = FlowArchive(_write(tmp_path / "a.zip", codec, fields))
    for key, flow in fields.items():
        error = np.abs(archive.read(key) - flow).max()
        assert error <= archive.manifest["max_error_px"] <= BOUND_PX


@pytest.mark.parametrize("codec", CODECS)
def test_keys_shapes_and_random_access(tmp_path, codec):
    fields = {**FIELDS, "other/size": _smooth_flow(9, 12, 50)}
    archive = FlowArchive(_write(tmp_path / "a.zip", codec, fields))
    assert archive.keys() == sorted(fields)
    several = archive.read_many(list(FIELDS))
    assert (several.shape, several.dtype) == ((4, 2, 24, 31), np.float32)
    for key, read in zip(FIELDS, several, strict=True):
        assert np.array_equal(archive.read(key), read)
    assert archive.read("other/size").shape == (2, 12, 50)
    with pytest.raises(InputError, match=r"other/size: has shape"):
        archive.read_many(archive.keys())
    with pytest.raises(InputError, match=r"a\.zip: nobody: is not in this archive"):
        archive.read("nobody")


def test_one_field_is_read_without_the_others(tmp_path):
    path = _write(tmp_path / "a.zip")
    keys = FlowArchive(path).keys()
    _damage(path, keys[1])
    archive = FlowArchive(path)
    assert archive.read(keys[0]).shape == (2, 24, 31)
    with pytest.raises(InputError, match=rf"a\.zip: {keys[1]}.*damaged"):
        archive.read(keys[1])
    with pytest.raises(InputError, match=keys[1]):
        archive.verify()


def _damage(path, key):
    """Flip a bit in the middle of one member's image."""
    with zipfile.ZipFile(path) as archive:
        image = archive.read(f"{key}.png")
    data = bytearray(path.read_bytes())
    data[data.index(image) + len(image) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("codec", CODECS)
def test_same_fields_same_bytes(tmp_path, codec, monkeypatch):
    first = _write(tmp_path / "a.zip", codec, attributes={"b": 1, "a": [1, 2]})
    monkeypatch.setattr("time.time", lambda: 2e9)
    second = _write(tmp_path / "b.zip", codec, attributes={"a": [1, 2], "b": 1})
    assert first.read_bytes() == second.read_bytes()


def test_the_manifest_says_what_it_promises(tmp_path):
    archive = FlowArchive(_write(tmp_path / "a.zip", attributes={"scale": "smoke"}))
    manifest = archive.manifest
    assert (manifest["format"], manifest["version"], manifest["codec"]) == (
        "flowmend-flow",
        1,
        "fast",
    )
    assert manifest["attributes"] == {"scale": "smoke"}
    assert (manifest["max_error_px"], manifest["step_px"]) == (1 / 128, 1 / 64)
    assert list(manifest["fields"]) == sorted(FIELDS)
    for key, entry in manifest["fields"].items():
        flow = archive.read(key)
        assert entry["shape"] == [2, 24, 31]
        assert entry["range_px"] == [flow.min(), flow.max()]


def _recipes():
    """The code blocks of the module's docstring."""
    blocks = flow_archive.__doc__.split("::\n\n")[1:]
    return [textwrap.dedent(block.split("\n\n")[0]) for block in blocks]


def test_the_documented_recipes_read_archives_without_flowmend(tmp_path):
    fast, small = _recipes()
    assert "flowmend" not in fast + small.replace("manifest", "")
    modules = {"zipfile": zipfile, "json": json, "cv2": cv2, "np": np, "io": io}
    wide = {"wide": FIELDS["clip-0/forward/0"] * 1000}
    for key, fields in (("clip-1/forward/3", FIELDS), ("wide", wide)):
        path = _write(tmp_path / "a.zip", "fast", fields)
        names = {**modules, "path": path, "key": key}
        exec(fast, names)
        assert np.array_equal(names["flow"], FlowArchive(path).read(key))
    path, key = _write(tmp_path / "a.zip", "small"), "clip-1/forward/3"
    archive = zipfile.ZipFile(path)
    entry = FlowArchive(path).manifest["fields"][key]
    names = {**modules, "imagecodecs": imagecodecs, "archive": archive, "key": key}
    names |= {"entry": entry, "step_px": 1 / 64}
    exec(small, names)
    assert np.array_equal(names["flow"], FlowArchive(path).read(key))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_flow_that_is_not_finite_is_refused_by_key(tmp_path, value):
    flow = FIELDS["clip-0/forward/0"].copy()
    flow[1, 2, 3] = value
    for codec in CODECS:
        with pytest.raises(InputError, match=r"a\.zip: bad/0: holds NaN or infinite flow at 1"):
            _write(tmp_path / "a.zip", codec, {"good/0": _smooth_flow(1), "bad/0": flow})
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_stored_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    for shape in ((3, 4, 5), (2, 4), (2, 0, 5)):
        with pytest.raises(InputError, match="has shape"):
            _write(path, fields={"a": np.zeros(shape)})
    with pytest.raises(InputError, match=r"a\.zip: a: needs more than 32 bits"):
        _write(path, fields={"a": np.full((2, 4, 5), 1e8)})
    for key in ("", "/a", "a/../b", "a//b", "a/", "a\nb", "."):
        with pytest.raises(InputError, match="is no name for a field"):
            _write(path, fields={key: np.zeros((2, 4, 5))})
    with FlowArchiveWriter(path, "fast", BOUND_PX) as writer:
        writer.add("a", np.zeros((2, 4, 5)))
        with pytest.raises(InputError, match="a: was added before"):
            writer.add("a", np.zeros((2, 4, 5)))


def test_bad_settings_are_refused(tmp_path):
    with pytest.raises(InputError, match="choose one of fast, small, report"):
        FlowArchiveWriter(tmp_path / "a.zip", "zstd", BOUND_PX)
    for bound in (0.0, -1.0, np.nan, np.inf, 1e-9, 2.0):
        with pytest.raises(InputError, match="max_error_px"):
            FlowArchiveWriter(tmp_path / "a.zip", "fast", bound)


def test_a_codec_that_breaks_its_promise_is_caught(tmp_path, monkeypatch):
    exact = CODECS["fast"].decode
    monkeypatch.setattr(CODECS["fast"], "decode", lambda *args: exact(*args) + 0.01)
    with pytest.raises(InputError, match=r"would be off by 0\.01"):
        _write(tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("member", ["clip-1/forward/3.png", "manifest.json"])
def test_a_full_disk_leaves_the_old_archive(tmp_path, monkeypatch, member):
    path = _write(tmp_path / "a.zip", fields={"old": _smooth_flow(0)})
    before = path.read_bytes()
    write = zipfile.ZipFile.writestr

    def full(archive, info, *args):
        if info.filename == member:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(archive, info, *args)

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(InputError, match=r"a\.zip: cannot be written \(No space left"):
        _write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def _with_manifest(path, change):
    """The archive with its manifest replaced by ``change(manifest)``."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["manifest.json"] = change(json.loads(members["manifest.json"]))
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


BAD_MANIFESTS = {
    "newer": (lambda m: json.dumps({**m, "version": 2}), "version 2.*upgrade flowmend"),
    "foreign": (lambda m: json.dumps({**m, "format": "x"}), "not a flow archive but 'x'"),
    "codec": (lambda m: json.dumps({**m, "codec": "x"}), "manifest.json: is damaged"),
    "no fields": (lambda m: json.dumps({**m, "fields": None}), "manifest.json: is damaged"),
    "no checksum": (lambda m: json.dumps({**m, "fields": {"a": {}}}), "manifest.json: is damaged"),
    "text": (lambda m: "hello", "manifest.json: is damaged"),
    "list": (lambda m: "[1]", "manifest.json: is damaged"),
}


@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_bad_manifests_are_refused(tmp_path, name):
    change, what = BAD_MANIFESTS[name]
    path = _with_manifest(_write(tmp_path / "a.zip"), change)
    with pytest.raises(InputError, match=rf"a\.zip.*{what}"):
        FlowArchive(path)


def test_an_entry_that_does_not_fit_its_image_is_refused(tmp_path):
    key = "clip-0/forward/0"
    for facts in ({"shape": [2, 31, 24]}, {"planes": 3}, {"planes": "x"}):
        path = _with_manifest(
            _write(tmp_path / "a.zip"),
            lambda m, facts=facts: json.dumps(
                {**m, "fields": {key: {**m["fields"][key], **facts}}}
            ),
        )
        with pytest.raises(InputError, match=rf"a\.zip: {key}: does not fit its entry"):
            FlowArchive(path).read(key)


def test_other_files_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.writestr("a.png", b"")
    with pytest.raises(InputError, match=r"plain\.zip: is not a flow archive"):
        FlowArchive(tmp_path / "plain.zip")
    data = _write(tmp_path / "a.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut\.zip: is truncated"):
        FlowArchive(tmp_path / "cut.zip")


@pytest.mark.real_data
@pytest.mark.parametrize(("codec", "share"), [("fast", 0.075), ("small", 0.055)])
def test_share_of_flo_on_real_flow(real_data, tmp_path, codec, share):
    """The sizes that the codecs were chosen for, on DIS flow at 480×854 (docs/benchmarks)."""
    frames = real_data / "davis/JPEGImages/480p/blackswan"
    pair = [cv2.imread(str(frames / f"{n:05d}.jpg"), cv2.IMREAD_GRAYSCALE) for n in (25, 26)]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*pair, None)
    path = _write(tmp_path / "a.zip", codec, {"blackswan/25": flow.transpose(2, 0, 1)})
    assert path.stat().st_size <= share * flow.nbytes
