"""Middlebury ``.flo`` files: magic ``PIEH``, width, height, then x, y interleaved (float32).

Baker et al., *A Database and Evaluation Methodology for Optical Flow*, IJCV 2011. A component
above 1e9 px there means "unknown"; in memory unknown flow is NaN.
"""

from pathlib import Path

import numpy as np

from flowmend.errors import InputError
from flowmend.io.atomic import write_bytes

MAGIC = b"PIEH"
UNKNOWN_PX = 1e9
LONGEST_SIDE = 32768
_WRITTEN_UNKNOWN_PX = 1e10


def read_flo(path: Path | str, allow_unknown: bool = False) -> np.ndarray:
    """Flow of one file, (2, H, W) float32; see :func:`decode_flo`."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path") from None
    return decode_flo(data, path, allow_unknown)


def write_flo(path: Path | str, flow: np.ndarray) -> None:
    """Write flow (2, H, W), atomically; see :func:`encode_flo`."""
    write_bytes(path, encode_flo(flow))


def decode_flo(data: bytes, where: object, allow_unknown: bool = False) -> np.ndarray:
    """Decode the bytes of a ``.flo`` file.

    Args:
        data: the file's bytes.
        where: names the file in errors.
        allow_unknown: return unknown flow as NaN instead of refusing the file.

    Returns:
        (2, H, W) float32, px.

    Raises:
        InputError: wrong magic number, absurd size, fewer or more bytes than the size asks for,
            or unknown flow that is not allowed.
    """
    if data[:4] != MAGIC:
        raise InputError(where, "is not a .flo file (no PIEH at its start)", "check the format")
    if len(data) < 12:
        raise InputError(where, "is truncated", "fetch or export it again")
    width, height = (int(side) for side in np.frombuffer(data, "<i4", 2, 4))
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        raise InputError(where, f"claims to be {width}x{height} pixels", "fetch it again")
    expected = 12 + 8 * width * height
    if len(data) != expected:
        what = f"holds {len(data)} bytes, {width}x{height} pixels need {expected}"
        raise InputError(where, what, "fetch or export it again")
    pixels = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2)
    flow = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    unknown = ~(np.abs(flow) <= UNKNOWN_PX).all(axis=0)
    if unknown.any() and not allow_unknown:
        what = f"holds {int(unknown.sum())} pixels of unknown flow"
        raise InputError(where, what, "give dense flow, or store it as KITTI PNG with validity")
    flow[:, unknown] = np.nan
    return flow


def encode_flo(flow: np.ndarray) -> bytes:
    """Bytes of a ``.flo`` file of flow (2, H, W), px; NaN is written as unknown (1e10)."""
    if flow.ndim != 3 or flow.shape[0] != 2:
        raise ValueError(f"want flow of shape (2, H, W), got {flow.shape}")
    pixels = np.ascontiguousarray(flow.transpose(1, 2, 0), dtype="<f4")
    known = np.where(np.isnan(pixels), np.float32(_WRITTEN_UNKNOWN_PX), pixels)
    size = np.array([flow.shape[2], flow.shape[1]], "<i4")
    return MAGIC + size.tobytes() + known.astype("<f4").tobytes()
