"""How one flow field becomes one image; the archive around it is :mod:`flowmend.io.flow_archive`.

Fixed-step codecs store ``round(flow / step)``. The step is a power of two, so that these values
are exact in float32 and the error stays within half a step whatever the range of the flow. Range
coding (the report, 3.1) spreads 256 levels from the least to the greatest value instead: outliers
make its error grow. benchmarks/flow_archive.py compares them.
"""

import math
from typing import Any, Protocol

import cv2
import imagecodecs
import numpy as np

Facts = dict[str, Any]

_PNG_OF_RESIDUALS = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),  # first: OpenCV resets the strategy when it reads this
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
]
_JXL_EFFORT = 7


class Codec(Protocol):
    """One way to store flow (2, H, W) float32, px, as an image and a few facts.

    Attributes:
        suffix: of the image files.
        guaranteed: whether no value is off by more than half a step.
    """

    suffix: str
    guaranteed: bool

    def __init__(self, step_px: float) -> None: ...

    def encode(self, flow: np.ndarray) -> tuple[bytes, Facts]:
        """The image's bytes, and what decoding needs beside them. ValueError: does not fit."""

    def decode(self, data: bytes, facts: Facts) -> np.ndarray:
        """Flow (2, H, W) float32, px."""


def step_px(max_error_px: float) -> float:
    """The greatest power of two that is at most twice the error allowed."""
    return math.ldexp(0.5, math.frexp(2 * max_error_px)[1])


class Fast:
    """PNG of the residuals of gradient prediction (left + above - above left).

    Residuals are taken modulo 2^16 (modulo 2^32 when the levels need it), folded to be
    non-negative (0, -1, 1, -2, … become 0, 1, 2, 3, …) and cut into bytes: the image holds the
    low bytes of x, of y, then the higher bytes of x and y, below one another. Two cumulative sums
    undo the prediction. PNG's run-length strategy is both smaller and seven times quicker here
    than its search for repeated strings: residuals hold runs but little else that repeats.
    """

    suffix = ".png"
    guaranteed = True

    def __init__(self, step_px: float) -> None:
        self._step_px = step_px

    def encode(self, flow: np.ndarray) -> tuple[bytes, Facts]:
        """The PNG, and the number of byte planes of each component."""
        levels = _levels(flow, self._step_px)
        wide = bool(levels.min() < -(2**15) or levels.max() >= 2**15)
        levels = levels.astype(np.int32 if wide else np.int16)
        zero = levels.dtype.type(0)
        residual = np.diff(np.diff(levels, axis=1, prepend=zero), axis=2, prepend=zero)
        folded = (residual << 1) ^ (residual >> (8 * residual.itemsize - 1))
        folded = folded.view(np.uint32 if wide else np.uint16)
        used = (int(folded.max()).bit_length() + 7) // 8
        planes = max(used, 3 if wide else 1)
        image = np.concatenate([(folded >> (8 * p)).astype(np.uint8) for p in range(planes)])
        png = cv2.imencode(".png", image.reshape(-1, flow.shape[2]), _PNG_OF_RESIDUALS)[1]
        return png.tobytes(), {"planes": planes}

    def decode(self, data: bytes, facts: Facts) -> np.ndarray:
        """Flow (2, H, W) float32, px."""
        image = _grey_pixels(data)
        planes = image.reshape(facts["planes"], 2, -1, image.shape[1])
        wide = len(planes) > 2
        folded = planes[0].astype(np.uint32 if wide else np.uint16)
        for p, plane in enumerate(planes[1:], start=1):
            folded |= plane.astype(folded.dtype) << (8 * p)
        signed = np.int32 if wide else np.int16
        residual = (folded >> 1).view(signed) ^ -(folded & 1).view(signed)
        levels = residual.cumsum(axis=1, dtype=signed).cumsum(axis=2, dtype=signed)
        return _pixels(levels, self._step_px)


class Small:
    """Lossless 16-bit JPEG XL of the levels, x as grey and y as alpha.

    Each component's least level is subtracted first. Levels that span more than 16 bits are cut
    into their lower and upper 16 bits, one above the other.
    """

    suffix = ".jxl"
    guaranteed = True

    def __init__(self, step_px: float) -> None:
        self._step_px = step_px

    def encode(self, flow: np.ndarray) -> tuple[bytes, Facts]:
        """The JPEG XL image, each component's least level, and the number of 16-bit planes."""
        levels = _levels(flow, self._step_px)
        least = levels.min(axis=(1, 2))
        above = levels - least[:, None, None]
        planes = 2 if above.max() >= 2**16 else 1
        cut = np.concatenate([(above >> (16 * p)) & 0xFFFF for p in range(planes)], axis=1)
        image = np.ascontiguousarray(cut.transpose(1, 2, 0), np.uint16)
        data = imagecodecs.jpegxl_encode(image, lossless=True, effort=_JXL_EFFORT, numthreads=1)
        return bytes(data), {"least": least.tolist(), "planes": planes}

    def decode(self, data: bytes, facts: Facts) -> np.ndarray:
        """Flow (2, H, W) float32, px."""
        image = imagecodecs.jpegxl_decode(data, numthreads=1)
        cut = image.reshape(facts["planes"], -1, *image.shape[1:]).astype(np.int64)
        levels = np.array(facts["least"]) + sum(plane << (16 * p) for p, plane in enumerate(cut))
        return _pixels(np.ascontiguousarray(levels.transpose(2, 0, 1)), self._step_px)


class Report:
    """The report's own storage (3.1): an 8-bit grey PNG, x above y, and the range of its values.

    Half of one 255th of the range is the error: 0.1 px for flow between -25 and 25 px.
    """

    suffix = ".png"
    guaranteed = False

    def __init__(self, step_px: float) -> None:
        """The step plays no part: the range decides."""

    def encode(self, flow: np.ndarray) -> tuple[bytes, Facts]:
        """The PNG, and the flow of its black and white."""
        black, white = float(flow.min()), float(flow.max())
        per_level = (white - black) / 255 or 1.0
        image = np.rint((flow.astype(np.float64) - black) / per_level).astype(np.uint8)
        png = cv2.imencode(".png", image.reshape(-1, flow.shape[2]))[1]
        return png.tobytes(), {"black_px": black, "white_px": white}

    def decode(self, data: bytes, facts: Facts) -> np.ndarray:
        """Flow (2, H, W) float32, px."""
        image = _grey_pixels(data)
        black, white = facts["black_px"], facts["white_px"]
        flow = black + image.astype(np.float64) * ((white - black) / 255)
        return flow.astype(np.float32).reshape(2, -1, image.shape[1])


CODECS: dict[str, type[Codec]] = {"fast": Fast, "small": Small, "report": Report}


def _levels(flow: np.ndarray, step: float) -> np.ndarray:
    levels = np.rint(flow.astype(np.float64) / step)
    if np.abs(levels).max() >= 2**31:
        raise ValueError(f"needs more than 32 bits at steps of {step:g} px")
    return levels.astype(np.int64)


def _pixels(levels: np.ndarray, step: float) -> np.ndarray:
    if levels.dtype == np.int16:
        return levels * np.float32(step)
    return (levels * step).astype(np.float32)


def _grey_pixels(data: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError("is not an 8-bit grey PNG")
    return image
