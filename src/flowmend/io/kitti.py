"""KITTI's flow as 16-bit PNG: red = 64·x + 32768, green = 64·y + 32768, blue = 1 where valid.

Menze and Geiger, *Object Scene Flow for Autonomous Vehicles*, CVPR 2015 (development kit). It
keeps flow to 1/128 px within -512 … 512 px.
"""

from pathlib import Path

import imagecodecs
import numpy as np

from flowmend.errors import InputError
from flowmend.io.atomic import write_bytes

STEP_PX = 1 / 64
_ZERO_FLOW = 2**15


def read_kitti(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Flow of one file.

    Returns:
        flow (2, H, W) float32, px, 0 where it is not valid, and valid (H, W) bool.

    Raises:
        InputError: missing, not a PNG, damaged, or not of three 16-bit channels.
    """
    try:
        image = imagecodecs.png_decode(Path(path).read_bytes())
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path") from None
    except (imagecodecs.PngError, ValueError) as error:
        what = f"is no PNG, or truncated or damaged ({error})"
        raise InputError(path, what, "fetch or export it again") from None
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint16:
        what = f"holds {image.dtype} pixels of shape {image.shape}"
        raise InputError(path, what, "KITTI flow has three channels of 16 bits")
    valid = image[..., 2] > 0
    levels = image[..., :2].transpose(2, 0, 1).astype(np.float32) - _ZERO_FLOW
    return np.where(valid, levels * np.float32(STEP_PX), np.float32(0)), valid


def write_kitti(path: Path | str, flow: np.ndarray, valid: np.ndarray | None = None) -> None:
    """Write flow (2, H, W), atomically; see :func:`encode_kitti`."""
    write_bytes(path, encode_kitti(flow, path, valid))


def encode_kitti(flow: np.ndarray, where: object, valid: np.ndarray | None = None) -> bytes:
    """PNG bytes of flow (2, H, W), px, and where it is valid, (H, W) bool, by default everywhere.

    Raises:
        InputError: valid flow is not finite or outside -512 … 512 px.
    """
    valid = np.ones(flow.shape[1:], bool) if valid is None else valid
    levels = np.where(valid, np.rint(flow.astype(np.float64) / STEP_PX) + _ZERO_FLOW, 0)
    if not ((levels >= 0) & (levels < 2**16)).all():
        what = "cannot hold flow that is not finite or outside -512 … 512 px"
        raise InputError(where, what, "write .flo, or mark those pixels as not valid")
    image = np.stack([*levels, valid], axis=-1).astype(np.uint16)
    return bytes(imagecodecs.png_encode(image, level=6))
