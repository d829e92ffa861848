"""How one flow field becomes one image; the archive around it is :mod:`flowmend.io.flow_archive`.

Fixed-step codecs store ``round(flow / step)`` for a step that is a power of two no larger than
twice the error allowed: such values are exact in float32, so the error stays within half a step
whatever the range of the flow. Range coding (the report's, 3.1) spreads 256 levels between the
least and the greatest value instead, and its error grows with outliers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

Facts = dict[str, Any]


@dataclass(frozen=True)
class Codec:
    """One way to store flow.

    Attributes:
        suffix: of the image files.
        guaranteed: whether the error allowed is kept whatever the flow.
        encode: (flow (2, H, W) float32 px, max_error_px) -> (image bytes, facts); the facts are
            what decoding needs beside the image.
        decode: (image bytes, facts) -> flow (2, H, W) float32 px.
    """

    suffix: str
    guaranteed: bool
    encode: Callable[[np.ndarray, float], tuple[bytes, Facts]]
    decode: Callable[[bytes, Facts], np.ndarray]


def step_px(max_error_px: float) -> float:
    """The greatest power of two that is at most twice the error allowed."""
    return 2.0 ** math.floor(math.log2(2 * max_error_px))


def _levels(flow: np.ndarray, step: float) -> np.ndarray:
    levels = np.rint(flow.astype(np.float64) / step)
    if np.abs(levels).max() >= 2**31:
        raise ValueError(f"needs more than 32 bits at steps of {step} px")
    return levels.astype(np.int32)


def _pixels(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError("is not an image")
    return image


def _encode_fast(flow: np.ndarray, max_error_px: float) -> tuple[bytes, Facts]:
    step = step_px(max_error_px)
    zero = np.int32(0)
    down = np.diff(_levels(flow, step), axis=1, prepend=zero)
    residual = np.diff(down, axis=2, prepend=zero)
    zigzag = ((residual << 1) ^ (residual >> 31)).view(np.uint32)
    planes = max(1, (int(zigzag.max()).bit_length() + 7) // 8)
    rows = np.concatenate([(zigzag >> (8 * p)).astype(np.uint8) for p in range(planes)])
    image = rows.reshape(-1, flow.shape[2])
    data = cv2.imencode(".png", image)[1].tobytes()
    return data, {"step_px": step, "planes": planes}


def _decode_fast(data: bytes, facts: Facts) -> np.ndarray:
    image = _pixels(data)
    planes = image.reshape(facts["planes"], 2, -1, image.shape[1])
    zigzag = planes[0].astype(np.uint32)
    for p in range(1, facts["planes"]):
        zigzag |= planes[p].astype(np.uint32) << (8 * p)
    residual = (zigzag >> 1).view(np.int32) ^ -(zigzag & 1).view(np.int32)
    levels = residual.cumsum(axis=1, dtype=np.int32).cumsum(axis=2, dtype=np.int32)
    return levels.astype(np.float32) * np.float32(facts["step_px"])


def _encode_report(flow: np.ndarray, max_error_px: float) -> tuple[bytes, Facts]:
    low, high = float(flow.min()), float(flow.max())
    scale = 255 / (high - low) if high > low else 0.0
    image = np.rint((flow.astype(np.float64) - low) * scale).astype(np.uint8)
    data = cv2.imencode(".png", image.reshape(-1, flow.shape[2]))[1].tobytes()
    return data, {"low_px": low, "high_px": high}


def _decode_report(data: bytes, facts: Facts) -> np.ndarray:
    image = _pixels(data)
    low, high = facts["low_px"], facts["high_px"]
    flow = low + image.astype(np.float64) * ((high - low) / 255)
    return flow.astype(np.float32).reshape(2, -1, image.shape[1])


CODECS = {
    "fast": Codec(".png", True, _encode_fast, _decode_fast),
    "small": Codec(".png", True, _encode_fast, _decode_fast),
    "report": Codec(".png", False, _encode_report, _decode_report),
}
