"""FlowNet2's resampling, norms, stacked inputs and refinement against literal references."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from flowmend.estimators.flownet2.coarse_to_fine import CoarseToFine, FlowHead
from flowmend.estimators.flownet2.parts import paired
from flowmend.estimators.flownet2.stack_inputs import (
    brightness_error,
    channel_norm,
    enlarged,
    fusion_inputs,
    next_inputs,
)


def _random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _literal_resampling(maps: Tensor, flow: Tensor) -> Tensor:
    """As FlowNet2's own layer: weights of the unclamped position, each of four taps clamped."""
    batch, _, height, width = maps.shape
    out = torch.zeros_like(maps)
    for n in range(batch):
        for y in range(height):
            for x in range(width):
                at_x, at_y = x + flow[n, 0, y, x].item(), y + flow[n, 1, y, x].item()
                left, top = math.floor(at_x), math.floor(at_y)
                for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
                    part_x = at_x - left if column else 1 - (at_x - left)
                    part_y = at_y - top if row else 1 - (at_y - top)
                    tap_x = max(min(left + column, width - 1), 0)
                    tap_y = max(min(top + row, height - 1), 0)
                    out[n, :, y, x] += part_x * part_y * maps[n, :, tap_y, tap_x]
    return out


def _literal_norm(maps: Tensor) -> Tensor:
    batch, channels, height, width = maps.shape
    out = torch.zeros(batch, 1, height, width, dtype=torch.float64)
    for n in range(batch):
        for y in range(height):
            for x in range(width):
                squares = [maps[n, c, y, x].item() ** 2 for c in range(channels)]
                out[n, 0, y, x] = math.sqrt(sum(squares))
    return out


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.integers(2, 7), st.floats(0.1, 9), st.integers(0, 99))
def test_resampling_and_error(height: int, width: int, spread: float, seed: int) -> None:
    first, second = _random(2, 2, 3, height, width, seed=seed)
    flow = spread * _random(2, 2, height, width, seed=seed + 1)
    warped, error = brightness_error(first, second, flow)
    expected = _literal_resampling(second, flow)
    torch.testing.assert_close(warped, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(error, _literal_norm(first - expected), atol=1e-12, rtol=0)


def test_gradient_of_the_norm() -> None:
    maps = _random(2, 3, 2, 4).requires_grad_()
    assert torch.autograd.gradcheck(channel_norm, (maps,))
    still = torch.zeros(1, 3, 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(channel_norm(still).sum(), still)
    assert (gradient == 0).all()


def test_gradient_of_the_stacked_inputs() -> None:
    frames = [a.requires_grad_() for a in _random(2, 1, 3, 4, 5)]
    flow = _random(1, 2, 4, 5, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(next_inputs, (*frames, flow))


def test_stacked_inputs_in_their_order() -> None:
    first, second = _random(2, 1, 3, 5, 6)
    flow = 3 * _random(1, 2, 5, 6, seed=1)
    warped = _literal_resampling(second, flow)
    parts = [first, second, warped, flow / 20, _literal_norm(first - warped)]
    expected = torch.cat(parts, 1)
    assert expected.shape[1] == 12
    torch.testing.assert_close(next_inputs(first, second, flow), expected)


def test_fusion_inputs_in_their_order() -> None:
    first, second = _random(2, 1, 3, 5, 6)
    small, large = _random(2, 1, 2, 5, 6, seed=1)
    errors = [_literal_norm(first - _literal_resampling(second, f)) for f in (small, large)]
    norms = [_literal_norm(small), _literal_norm(large)]
    expected = torch.cat([first, small, large, *norms, *errors], 1)
    assert expected.shape[1] == 11
    torch.testing.assert_close(fusion_inputs(first, second, small, large), expected)


def test_nearest_repeats_and_bilinear_keeps_pixel_centres() -> None:
    flow = _random(1, 2, 3, 5)
    repeated = flow.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(enlarged(flow, "nearest"), repeated, atol=0, rtol=0)
    ramp = torch.arange(5, dtype=torch.float64).expand(1, 2, 3, 5)
    centres = ((torch.arange(20) + 0.5) / 4 - 0.5).double().clamp(0, 4)
    torch.testing.assert_close(enlarged(ramp, "bilinear"), centres.expand(1, 2, 12, 20))


def test_pairs_of_one_direction_and_of_both() -> None:
    a, b = torch.tensor([1, 2, 3]), torch.tensor([4, 5, 6])
    frames = torch.cat((a, b))
    assert [part.tolist() for part in paired(frames, 1)] == [[1, 2, 3], [4, 5, 6]]
    assert [part.tolist() for part in paired(frames, 2)] == [
        [1, 2, 3, 4, 5, 6],
        [4, 5, 6, 1, 2, 3],
    ]


@pytest.mark.parametrize("smoothed", [False, True])
def test_refinement_equals_its_equations(smoothed: bool) -> None:
    """Tensors by their names, concatenated as contracting map, upsampled features, flow."""
    torch.manual_seed(0)
    layers = {"conv2": (1, 3, 3, 2), "conv2_1": (3, 4, 3, 1)}
    net = CoarseToFine(layers, 2, {1: (2, 5), 0: (1, 3)}, smoothed=smoothed).double()
    for tensor in net.parameters():
        nn.init.normal_(tensor, std=0.3)
    maps = [_random(2, 4, 2, 3), _random(2, 2, 4, 6), _random(2, 1, 8, 12)]
    w = dict(net.named_parameters())

    def conv(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], 1, 1)

    def up(x: Tensor, name: str) -> Tensor:
        return F.conv_transpose2d(x, w[f"{name}.weight"], w[f"{name}.bias"], 2, 1)

    features, flow = maps[0], conv(maps[0], "predict_flow2")
    for level, skipped in ((1, maps[1]), (0, maps[2])):
        upsampled = up(features, f"deconv{level}.0")
        upsampled = torch.where(upsampled > 0, upsampled, 0.1 * upsampled)
        coarse = up(flow, f"upsampled_flow{level + 1}_to_{level}")
        features = torch.cat((skipped, upsampled, coarse), 1)
        smooth = conv(features, f"inter_conv{level}.0") if smoothed else features
        flow = conv(smooth, f"predict_flow{level}")
    torch.testing.assert_close(net.refine(maps), flow)


def test_contracting_layers_rectify_leakily() -> None:
    net = CoarseToFine({"conv0_1": (2, 3, 5, 2)}, 0, {}, smoothed=False).double()
    maps = _random(1, 2, 6, 8)
    plain = F.conv2d(maps, *net.conv0_1[0].parameters(), stride=2, padding=2)
    expected = torch.where(plain > 0, plain, 0.1 * plain)
    torch.testing.assert_close(net.through(maps, "conv0_1"), expected)


def test_flow_is_float32_under_autocast() -> None:
    torch.manual_seed(0)
    head, features = FlowHead(5), torch.randn(1, 5, 4, 6).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = head(features)
    torch.testing.assert_close(found, head(features.float()), atol=0, rtol=0)
    assert found.dtype == torch.float32
