"""Images and segmentations: what they decode to, and the traps seen in real data sets."""

import io

import numpy as np
import pytest
from PIL import Image

from flowmend.errors import InputError
from flowmend.io.images import (
    encode_jpeg,
    encode_png,
    encode_segmentation,
    read_image,
    read_segmentation,
)

PICTURE = np.random.default_rng(0).integers(0, 256, (3, 37, 53), dtype=np.uint8)
IDS = np.random.default_rng(1).integers(0, 4, (37, 53), dtype=np.uint8)


def _saved(image: Image.Image, form: str = "PNG", **settings: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **settings)
    return stream.getvalue()


def test_png_round_trip_is_exact_and_deterministic():
    assert np.array_equal(read_image(encode_png(PICTURE)), PICTURE)
    assert encode_png(PICTURE) == encode_png(PICTURE)


def test_grey_png_reads_as_three_equal_channels():
    assert np.array_equal(read_image(encode_png(PICTURE[0])), np.stack([PICTURE[0]] * 3))


def test_channels_are_rgb_in_that_order():
    red = np.zeros((3, 4, 5), np.uint8)
    red[0] = 255
    assert Image.open(io.BytesIO(encode_png(red))).getpixel((0, 0)) == (255, 0, 0)


def test_jpeg_is_close_and_deterministic():
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8) * 3, (3, 48, 64)).copy()
    assert np.abs(read_image(encode_jpeg(ramp)).astype(int) - ramp).max() <= 3
    assert encode_jpeg(ramp) == encode_jpeg(ramp)


def test_png_bytes_in_a_jpg_file(tmp_path):
    path = tmp_path / "00000.jpg"
    path.write_bytes(encode_png(PICTURE))
    assert np.array_equal(read_image(path), PICTURE)


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    data = _saved(Image.fromarray(PICTURE.transpose(1, 2, 0)), exif=exif)
    assert np.array_equal(read_image(data), np.rot90(PICTURE, -1, axes=(1, 2)))


@pytest.mark.parametrize("encode", [encode_png, encode_jpeg])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_truncated_images_are_refused_by_name(tmp_path, encode, share):
    path = tmp_path / "00007.jpg"
    data = encode(PICTURE)
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"00007\.jpg: is (truncated|not an image)"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "not an image"), (b"hello", "not an image"), (None, "cannot be read")],
)
def test_unreadable_images_are_refused_by_name(tmp_path, content, what):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    for read in (read_image, read_segmentation):
        with pytest.raises(InputError, match=rf"a\.png: .*{what}"):
            read(path)


def test_sixteen_bit_images_are_refused():
    deep = _saved(Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30)))
    with pytest.raises(InputError, match="8-bit"):
        read_image(deep)
    with pytest.raises(InputError, match="not object ids"):
        read_segmentation(deep)


def test_absurdly_large_images_are_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match="absurdly large"):
        read_image(encode_png(PICTURE), "huge.png")


def _masks_of_two_levels() -> dict[str, Image.Image]:
    levels = np.where(IDS > 0, 255, 0).astype(np.uint8)
    palette = Image.fromarray(levels)
    palette.putpalette([0, 0, 0] * 255 + [255, 255, 255])
    return {
        "grey": Image.fromarray(levels),
        "palette": palette,
        "bilevel": Image.fromarray(levels).convert("1"),
        "rgb": Image.fromarray(np.stack([levels] * 3, axis=-1)),
        "grey with alpha": Image.fromarray(np.stack([levels, levels | 1], axis=-1)),
    }


@pytest.mark.parametrize("name", _masks_of_two_levels())
def test_masks_of_0_and_255_become_0_and_1(name):
    read = read_segmentation(_saved(_masks_of_two_levels()[name]))
    assert np.array_equal(read, IDS > 0)


def test_object_ids_survive_in_palette_and_grey_masks():
    assert np.array_equal(read_segmentation(encode_segmentation(IDS)), IDS)
    assert np.array_equal(read_segmentation(_saved(Image.fromarray(IDS))), IDS)


def test_void_label_beside_ids_is_kept():
    ids = np.where(IDS == 3, 255, IDS).astype(np.uint8)
    assert np.array_equal(read_segmentation(encode_segmentation(ids)), ids)


def test_empty_and_full_masks():
    for value in (0, 1):
        ids = np.full((4, 5), value, np.uint8)
        assert np.array_equal(read_segmentation(encode_segmentation(ids)), ids)
    assert (read_segmentation(encode_png(np.full((4, 5), 255, np.uint8))) == 1).all()


def test_segmentations_have_davis_colours():
    shown = np.asarray(Image.open(io.BytesIO(encode_segmentation(IDS))).convert("RGB"))
    colours = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]])
    assert np.array_equal(shown, colours[IDS])


def test_colour_and_soft_masks_are_refused():
    with pytest.raises(InputError, match="colour"):
        read_segmentation(encode_png(PICTURE), "mask.png")
    soft = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with pytest.raises(InputError, match=r"mask\.png: holds 256 grey levels.*threshold"):
        read_segmentation(encode_png(soft), "mask.png")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("mask", "ids"),
    [
        ("davis/Annotations/480p/car-shadow/00000.png", {0, 1}),
        ("davis/Annotations/480p/tennis/00000.png", {0, 1}),
        ("davis/Annotations/480p/blackswan/00000.png", {0, 1}),
        ("davis/Annotations/480p/bmx-trees/00000.png", {0, 1, 2}),
        ("youtube_vos/train/Annotations/003234408d/00000.png", {0, 1, 2, 3, 4, 5}),
    ],
)
def test_real_masks(real_data, mask, ids):
    assert set(np.unique(read_segmentation(real_data / mask)).tolist()) == ids


@pytest.mark.real_data
def test_real_frames(real_data):
    davis = read_image(real_data / "davis/JPEGImages/480p/tennis/00000.jpg")
    assert (davis.shape, davis.dtype) == ((3, 480, 854), np.uint8)
    png_as_jpg = next((real_data / "youtube_vos/train/JPEGImages").rglob("*.jpg"))
    assert read_image(png_as_jpg).shape == (3, 180, 320)
