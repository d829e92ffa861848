"""Still images and segmentations: whole pictures or an error that names the file.

Pillow decodes, because OpenCV silently pads a truncated JPEG with grey. The format is taken from
the bytes, never from the suffix: the PNG bytes in `.jpg` files of some YouTube-VOS copies are
read like any others.
"""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from flowmend.errors import InputError

MOST_OBJECTS = 64
_RGB_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


def read_image(source: Path | str | bytes, where: object = None) -> np.ndarray:
    """Decode a picture to RGB, upright (EXIF orientation applied), without its alpha channel.

    Args:
        source: a file, or its bytes.
        where: names the picture in errors; by default the file.

    Returns:
        (3, H, W) uint8.

    Raises:
        InputError: missing, not an image, truncated, absurdly large, or of more than 8 bits.
    """
    image, where = _decode(source, where)
    if image.mode not in _RGB_MODES:
        raise InputError(
            where, f"holds pixels of mode {image.mode}", "save it as an 8-bit RGB or grey image"
        )
    upright = ImageOps.exif_transpose(image)
    return np.ascontiguousarray(np.asarray(upright.convert("RGB")).transpose(2, 0, 1))


def read_segmentation(source: Path | str | bytes, where: object = None) -> np.ndarray:
    """Decode object ids from the kinds of mask that DAVIS, YouTube-VOS and their copies hold.

    Grey or palette images of {0, 255} become {0, 1}; other palette indices and grey values are
    object ids and are kept (so is a void label of 255 beside other ids). A grey picture stored as
    RGB counts as grey.

    Args:
        source: a file, or its bytes.
        where: names the mask in errors; by default the file.

    Returns:
        (H, W) uint8; 0 is background.

    Raises:
        InputError: missing, not an image, truncated, in colour, of more than 8 bits, or of more
            than 64 grey levels (a soft mask, not object ids).
    """
    image, where = _decode(source, where)
    ids = _plane(image, where)
    levels = np.flatnonzero(np.bincount(ids.ravel(), minlength=256))
    if levels[-1] == 255 and set(levels.tolist()) <= {0, 255}:
        return (ids == 255).astype(np.uint8)
    if len(levels) > MOST_OBJECTS:
        raise InputError(
            where,
            f"holds {len(levels)} grey levels instead of object ids",
            "threshold it to 0 and 255, or save one id per object as a palette PNG",
        )
    return ids


def encode_png(image: np.ndarray) -> bytes:
    """PNG bytes of a uint8 picture, (3, H, W) RGB or (H, W) grey; the same bytes every time."""
    return _encode(_to_pillow(image), format="PNG")


def encode_jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    """JPEG bytes of a uint8 picture, (3, H, W) RGB or (H, W) grey; the same bytes every time."""
    return _encode(_to_pillow(image), format="JPEG", quality=quality)


def encode_segmentation(ids: np.ndarray) -> bytes:
    """Palette PNG in the DAVIS colours of object ids, (H, W) uint8."""
    image = Image.fromarray(np.ascontiguousarray(ids, np.uint8))
    image.putpalette(_DAVIS_PALETTE)
    return _encode(image, format="PNG")


def _decode(source: Path | str | bytes, where: object) -> tuple[Image.Image, object]:
    if isinstance(source, bytes):
        where, stream = where or "image", source
    else:
        where = where or source
        stream = _bytes_of(source, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(stream))
            image.load()
    except UnidentifiedImageError:
        raise InputError(where, "is not an image", "give a JPEG or PNG file") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(where, "is absurdly large", "give a frame of video size") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        what = f"is truncated or corrupt ({' '.join(str(error).split())})"
        raise InputError(where, what, "fetch or export it again") from None
    return image, where


def _bytes_of(path: Path | str, where: object) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise InputError(where, f"cannot be read ({reason})", "check the path") from None


def _plane(image: Image.Image, where: object) -> np.ndarray:
    if image.mode in {"L", "P"}:
        return np.asarray(image)
    if image.mode in {"1", "LA", "PA"}:
        return np.asarray(image.convert("L") if image.mode == "1" else image.getchannel(0))
    if image.mode in {"RGB", "RGBA"}:
        red, green, blue = (np.asarray(image.getchannel(c)) for c in "RGB")
        if np.array_equal(red, green) and np.array_equal(red, blue):
            return red
        what = "is a colour picture"
    else:
        what = f"holds pixels of mode {image.mode}"
    raise InputError(where, f"{what}, not object ids", "save it as a palette or grey PNG")


def _to_pillow(image: np.ndarray) -> Image.Image:
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise ValueError(f"want uint8 (3, H, W) or (H, W), got {image.dtype} {image.shape}")
    planes_last = image.transpose(1, 2, 0) if image.ndim == 3 else image
    return Image.fromarray(np.ascontiguousarray(planes_last))


def _encode(image: Image.Image, **settings: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, **settings)
    return stream.getvalue()


def _davis_palette() -> list[int]:
    """The bit-interleaved colours of PASCAL VOC, which DAVIS uses."""
    return [
        sum(((index >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3))
        for index in range(256)
        for channel in range(3)
    ]


_DAVIS_PALETTE = _davis_palette()
