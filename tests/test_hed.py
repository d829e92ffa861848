"""HED: its tensors, its forward pass against a literal one, and how its map becomes lines."""

import numpy as np
import pytest
import torch

from flowmend.edges.hed import HED, LEVELS, MEANS_BGR, hed_edges, thinned
from hed_network import network


def _picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, height, width), dtype=np.uint8)


class TestTensors:
    def test_are_those_of_the_public_weights(self) -> None:
        with torch.device("meta"):
            shapes = {name: tuple(t.shape) for name, t in HED().state_dict().items()}
        assert len(shapes) == 38
        assert sum(int(np.prod(shape)) for shape in shapes.values()) == 14_716_171
        assert list(shapes)[:2] == ["netVggOne.0.weight", "netVggOne.0.bias"]
        assert list(shapes)[-1] == "netCombine.0.bias"
        convolutions = {
            "netVggOne": (0, 2),
            "netVggTwo": (1, 3),
            "netVggThr": (1, 3, 5),
            "netVggFou": (1, 3, 5),
            "netVggFiv": (1, 3, 5),
        }
        for level, places in convolutions.items():
            found = {int(name.split(".")[1]) for name in shapes if name.startswith(level)}
            assert found == set(places)
        assert shapes["netVggThr.1.weight"] == (256, 128, 3, 3)
        assert shapes["netScoreFou.weight"] == (1, 512, 1, 1)
        assert shapes["netCombine.0.weight"] == (1, 5, 1, 1)


def _convolve(image: np.ndarray, layer: torch.nn.Conv2d) -> np.ndarray:
    """The sum over a kernel's taps, zeros beyond the frame."""
    weight, bias = (t.detach().double().numpy() for t in (layer.weight, layer.bias))
    reach = weight.shape[-1] // 2
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)))
    out = np.zeros((len(weight), height, width)) + bias[:, None, None]
    for i in range(weight.shape[-2]):
        for j in range(weight.shape[-1]):
            taps = padded[:, i : i + height, j : j + width]
            out += np.tensordot(weight[:, :, i, j], taps, axes=1)
    return out


def _halved(image: np.ndarray) -> np.ndarray:
    _, height, width = (side // 2 for side in image.shape)
    cells = image[:, : 2 * height, : 2 * width].reshape(len(image), height, 2, width, 2)
    return cells.max(axis=(2, 4))


def _grown(side: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, the corners of the frames together, clamped at the border."""
    out = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            v = max((y + 0.5) * side.shape[0] / height - 0.5, 0)
            u = max((x + 0.5) * side.shape[1] / width - 0.5, 0)
            top, left = int(v), int(u)
            low, right = min(top + 1, side.shape[0] - 1), min(left + 1, side.shape[1] - 1)
            upper = side[top, left] * (left + 1 - u) + side[top, right] * (u - left)
            lower = side[low, left] * (left + 1 - u) + side[low, right] * (u - left)
            out[y, x] = upper * (top + 1 - v) + lower * (v - top)
    return out


def _literal(image: np.ndarray, hed: HED) -> np.ndarray:
    features = image[::-1].astype(np.float64) - np.array(MEANS_BGR)[:, None, None]
    sides = []
    for name, (_, convolutions) in LEVELS.items():
        features = features if name == "One" else _halved(features)
        layers = [m for m in hed.get_submodule(f"netVgg{name}") if isinstance(m, torch.nn.Conv2d)]
        assert len(layers) == convolutions
        for layer in layers:
            features = np.maximum(_convolve(features, layer), 0)
        side = _convolve(features, hed.get_submodule(f"netScore{name}"))
        sides.append(_grown(side[0], *image.shape[1:]))
    return 1 / (1 + np.exp(-_convolve(np.array(sides), hed.netCombine[0])[0]))


class TestForward:
    @pytest.mark.parametrize("size", [(16, 16), (35, 42)])
    def test_against_a_literal_one(self, size: tuple[int, int]) -> None:
        image, hed = _picture(*size), network()
        expected = _literal(image, hed)
        assert expected.std() > 0.02
        found = hed_edges(image, hed)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_uint8_float_and_batches_agree(self) -> None:
        images = torch.from_numpy(np.stack([_picture(20, 33), _picture(20, 33)[:, ::-1].copy()]))
        with torch.no_grad():
            batch = network()(images)
            alone = network()(images[1:].float())
        assert batch.shape == (2, 1, 20, 33)
        torch.testing.assert_close(batch[1:], alone, atol=1e-5, rtol=0)

    def test_channels_are_not_interchangeable(self) -> None:
        image = _picture(16, 16)
        assert np.abs(hed_edges(image, network()) - hed_edges(image[::-1], network())).max() > 1e-3

    def test_a_picture_below_16_px_is_refused(self) -> None:
        with pytest.raises(ValueError, match="16 px or more"):
            network()(torch.zeros(1, 3, 15, 40))

    def test_gradients_reach_every_tensor(self) -> None:
        hed = network()
        hed(torch.from_numpy(_picture(32, 32))[None]).mean().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in hed.parameters())
        hed.zero_grad()


def _blurred_line(across: np.ndarray, width: float = 1.5) -> np.ndarray:
    return np.exp(-0.5 * (across / width) ** 2).astype(np.float32)


class TestLines:
    @pytest.mark.parametrize("centre", [20.0, 20.25, 20.5])
    @pytest.mark.parametrize("turned", [False, True])
    def test_a_blurred_line_is_one_pixel_wide(self, centre: float, turned: bool) -> None:
        rows, columns = np.indices((40, 48)).astype(float)
        lines = thinned(_blurred_line((rows if turned else columns) - centre))
        lines = lines.T if turned else lines
        assert (lines.sum(axis=1) == 1).all()
        assert set(np.nonzero(lines)[1]) <= {20, 21}

    @pytest.mark.parametrize("degrees", [20, 45, 70, 110, 135, 160])
    def test_a_slanted_line_stays_whole_and_thin(self, degrees: int) -> None:
        rows, columns = np.indices((48, 48)) - 23.6
        normal = np.radians(degrees)
        across = columns * np.cos(normal) + rows * np.sin(normal)
        lines = thinned(_blurred_line(across))
        assert np.abs(across[lines]).max() < 1
        along = (columns * np.sin(normal) - rows * np.cos(normal))[lines]
        assert np.diff(np.sort(along)).max() < 1.5
        assert lines.sum() < 1.5 * np.ptp(along)

    @pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6])
    def test_a_plateau_has_one_ridge_in_its_middle(self, width: int) -> None:
        probability = np.zeros((24, 32), np.float32)
        probability[:, 10 : 10 + width] = 1
        lines = thinned(probability)
        assert (lines.sum(axis=1) == 1).all()
        assert set(np.nonzero(lines)[1]) == {10 + width // 2}

    def test_only_what_is_likely(self) -> None:
        probability = np.zeros((24, 32), np.float32)
        probability[:, 8], probability[:, 22] = 0.49, 0.51
        assert set(np.nonzero(thinned(probability))[1]) == {22}

    def test_a_level_map_has_none(self) -> None:
        assert not thinned(np.full((20, 20), 0.9, np.float32)).any()

    def test_a_closed_curve_has_no_gap(self) -> None:
        rows, columns = np.indices((48, 48)) - 24.0
        ring = thinned(_blurred_line(np.hypot(rows, columns) - 15))
        angles = np.sort(np.arctan2(rows, columns)[ring])
        assert np.diff(angles, append=angles[0] + 2 * np.pi).max() < 2 / 15
        assert np.abs(np.hypot(rows, columns)[ring] - 15).max() < 1
