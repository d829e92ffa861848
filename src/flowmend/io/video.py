"""Video files in and out (PyAV, that is FFmpeg's libraries)."""

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from flowmend.errors import InputError
from flowmend.io.atomic import replacing

CONTAINERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
_MISSING_SHARE = 0.05
_REMEDY = "fetch or export the video again"
# x264's hand-written kernels differ from run to run in a few blocks; cpu-independent does not.
_QUALITY = {"crf": "16", "threads": "1", "x264-params": "cpu-independent=1"}


def read_video(path: Path | str) -> Iterator[np.ndarray]:
    """Frames of a video's first video stream, in order of display and upright.

    Yields:
        (3, H, W) uint8 RGB.

    Raises:
        InputError: missing, not a video, damaged, or cut off (frames end more than 5 % before
            the length that the file states).
    """
    if not Path(path).is_file():
        raise InputError(path, "is missing", "check the path")
    count = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(path, "holds no video, or is cut off", _REMEDY)
            last_s = 0.0
            for frame in container.decode(video=0):
                if frame.is_corrupt:
                    raise InputError(f"{path}: frame {count}", "is cut off or damaged", _REMEDY)
                yield _upright_rgb(frame)
                count += 1
                last_s = frame.time or 0.0
            _check_length(path, container, count, last_s)
    except (av.error.FFmpegError, OSError) as error:
        where = f"{path}: frame {count}" if count else path
        raise InputError(where, f"cannot be decoded ({error.strerror})", _REMEDY) from None


def write_video(path: Path | str, frames: Iterable[np.ndarray], fps: float | Fraction) -> None:
    """Write frames as H.264, atomically; the suffix (.mp4, .mov, .mkv) picks the container.

    Args:
        path: the video.
        frames: (3, H, W) uint8 RGB, all of one size, at least one.
        fps: frames a second.

    Raises:
        InputError: an unknown suffix, no frame, or a frame of another size than the first.
    """
    form = CONTAINERS.get(Path(path).suffix.lower())
    if form is None:
        suffixes = ", ".join(CONTAINERS)
        raise InputError(path, "has no suffix of a video", f"choose one of {suffixes}")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError(path, "would hold no frame", "give at least one")
    with replacing(path) as temporary:
        _encode(temporary, form, path, first, frames, Fraction(fps).limit_denominator(1001))


def _encode(
    file: Path,
    form: str,
    path: Path | str,
    first: np.ndarray,
    rest: Iterator[np.ndarray],
    rate: Fraction,
) -> None:
    with av.open(
        str(file), "w", format=form, container_options={"fflags": "bitexact"}
    ) as container:
        stream = container.add_stream("libx264", rate=rate, options=_QUALITY)
        stream.height, stream.width = first.shape[1:]
        # 4:2:0 plays everywhere but halves the sides, which must then be even.
        stream.pix_fmt = "yuv444p" if any(side % 2 for side in first.shape[1:]) else "yuv420p"
        for index, frame in enumerate(itertools.chain([first], rest)):
            if frame.shape != first.shape:
                what = f"has shape {frame.shape}, the first frame has {first.shape}"
                raise InputError(f"{path}: frame {index}", what, "give frames of one size")
            pixels = np.ascontiguousarray(frame.transpose(1, 2, 0))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def _upright_rgb(frame: av.VideoFrame) -> np.ndarray:
    pixels = frame.to_ndarray(format="rgb24")
    quarter_turns = round(frame.rotation / 90)  # counter-clockwise, as phones note it
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns).transpose(2, 0, 1))


def _check_length(
    path: Path | str, container: av.container.InputContainer, count: int, last_s: float
) -> None:
    stream = container.streams.video[0]
    stated_s = 0.0
    if stream.duration and stream.time_base:
        stated_s = float(stream.duration * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        stated_s = container.duration / av.time_base
    # By the clock for a variable frame rate, by the count where the clock is unreliable (AVI).
    length_s = max(last_s, float(count / stream.average_rate) if stream.average_rate else 0.0)
    if count == 0 or length_s < (1 - _MISSING_SHARE) * stated_s:
        what = f"ends after {count} frames ({length_s:.1f} s of the {stated_s:.1f} s it states)"
        raise InputError(path, what, _REMEDY)
