"""Video: round trips, real footage, orientation, files cut off anywhere."""

import cv2
import numpy as np
import pytest

from flowmend.errors import InputError
from flowmend.io.video import read_video, write_video


def _frames(count=24, height=48, width=64):
    """A drifting smooth pattern, which H.264 keeps well."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    waves = [np.sin((x + t) / 9) + np.cos((y - t) / 7) for t in range(count)]
    return [np.repeat((127 + 60 * w).astype(np.uint8)[None], 3, axis=0) for w in waves]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("width", [64, 63])
def test_round_trip_is_close_and_deterministic(tmp_path, suffix, width):
    frames = _frames(width=width)
    write_video(tmp_path / f"a{suffix}", frames, 12.5)
    write_video(tmp_path / f"b{suffix}", iter(frames), 12.5)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    read = list(read_video(tmp_path / f"a{suffix}"))
    assert [frame.shape for frame in read] == [frame.shape for frame in frames]
    assert np.abs(np.array(read, int) - np.array(frames, int)).mean() < 2


def test_channels_are_rgb(tmp_path):
    red = np.zeros((3, 32, 32), np.uint8)
    red[0] = 255
    write_video(tmp_path / "a.mp4", [red] * 3, 10)
    assert np.abs(next(read_video(tmp_path / "a.mp4")).astype(int) - red).max() < 12


def test_opencv_reads_what_is_written(tmp_path):
    write_video(tmp_path / "a.mp4", _frames(), 25)
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 24
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(25)


def test_a_phones_quarter_turn_is_undone(tmp_path):
    write_video(tmp_path / "a.mp4", _frames(), 10)
    plain = list(read_video(tmp_path / "a.mp4"))
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    matrix = data.index(b"tkhd") + 44
    one = 1 << 16
    turned = np.array([0, one, 0, -one, 0, 0, 0, 0, 1 << 30], ">i4")  # 90 degrees clockwise
    data[matrix : matrix + 36] = turned.tobytes()
    (tmp_path / "a.mp4").write_bytes(data)
    upright = list(read_video(tmp_path / "a.mp4"))
    assert np.array_equal(upright[3], np.rot90(plain[3], -1, axes=(1, 2)))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_truncated_video_is_refused_by_name(tmp_path, suffix, share):
    path = tmp_path / f"cut{suffix}"
    write_video(path, _frames(), 10)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"cut\.m.*(cannot be decoded|ends after|cut off)"):
        list(read_video(path))


def test_unreadable_video_is_refused_by_name(tmp_path):
    (tmp_path / "text.mp4").write_bytes(b"hello" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name in ("text.mp4", "empty.mp4", "none.mp4"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            list(read_video(tmp_path / name))


def test_bad_output_is_refused_and_leaves_nothing(tmp_path):
    frames = _frames(3)
    with pytest.raises(InputError, match=r"a\.gif: .*\.mp4"):
        write_video(tmp_path / "a.gif", frames, 10)
    with pytest.raises(InputError, match="no frame"):
        write_video(tmp_path / "a.mp4", [], 10)
    with pytest.raises(InputError, match=r"a\.mp4: frame 3: has shape"):
        write_video(tmp_path / "a.mp4", [*frames, frames[0][:, :10]], 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real_data
def test_real_video(real_data, tmp_path):
    source = real_data / "video/pedestrians.avi"
    frames = list(read_video(source))
    assert len(frames) == 120
    assert {frame.shape for frame in frames} == {(3, 576, 768)}
    capture = cv2.VideoCapture(str(source))
    first = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB).transpose(2, 0, 1)
    assert np.abs(frames[0].astype(int) - first).mean() < 2
    (tmp_path / "cut.avi").write_bytes(source.read_bytes()[:600_000])
    with pytest.raises(InputError, match=r"cut\.avi: frame \d+: is cut off"):
        list(read_video(tmp_path / "cut.avi"))
