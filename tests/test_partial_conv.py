"""The partial convolution against loops and a plain convolution; the gated one beside it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.confidence_rules import RULES
from flowmend.networks.gated_conv import GatedConv
from flowmend.networks.partial_conv import LEAST_KNOWN, PartialConv

CHANNELS, OUT = (2, 3, 1), 4
PRESENT = torch.tensor([[1, 1, 1], [1, 0, 1]], dtype=torch.float64)


def _layer(rule: str = "mean", size: int = 3, channels: tuple[int, ...] = CHANNELS) -> PartialConv:
    torch.manual_seed(0)
    layer = PartialConv(channels, OUT, RULES[rule](len(channels), size), size).double()
    nn.init.normal_(layer.conv.bias)
    return layer


def _features(
    seed: int,
    size: tuple[int, int] = (5, 6),
    channels: tuple[int, ...] = CHANNELS,
    samples: int = 2,
) -> list[Tensor]:
    random = torch.Generator().manual_seed(seed)
    shapes = [(samples, c, *size) for c in channels]
    return [torch.randn(s, generator=random, dtype=torch.float64) for s in shapes]


def _confidence(seed: int, size: tuple[int, int] = (5, 6), known: float = 0.4) -> Tensor:
    """Zeros, ones and what lies between."""
    random = torch.Generator().manual_seed(seed)
    shape = (2, len(CHANNELS), *size)
    drawn, value = (torch.rand(shape, generator=random, dtype=torch.float64) for _ in "ab")
    return torch.where(drawn < known, torch.where(value < 0.5, 1.0, value), 0.0)


def _literal(layer: PartialConv, features: list[Tensor], known: Tensor) -> Tensor:
    """W (X M) sum(1) / sum(M) + b where sum(M) > 0, else 0; tap by tap."""
    weight, bias, size = layer.conv.weight, layer.conv.bias, layer.conv.kernel_size[0]
    samples, _, height, width = known.shape
    out = torch.zeros(samples, OUT, height, width, dtype=torch.float64)
    for n, y, x in torch.cartesian_prod(*map(torch.arange, (samples, height, width))).tolist():
        product, sum_of_known, ones = torch.zeros(OUT, dtype=torch.float64), 0.0, 0
        for row in range(size):
            for column in range(size):
                at_y, at_x, channel = y + row - size // 2, x + column - size // 2, 0
                for source, feature in enumerate(features):
                    for c in range(feature.shape[1]):
                        ones += 1
                        if 0 <= at_y < height and 0 <= at_x < width:
                            m = known[n, source, at_y, at_x].item()
                            value = feature[n, c, at_y, at_x].item() * m
                            product += weight[:, channel, row, column].detach() * value
                            sum_of_known += m
                        channel += 1
        if sum_of_known > 0:
            out[n, :, y, x] = product * ones / max(sum_of_known, layer.least * ones) + bias.detach()
    return out


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("known", [0.05, 0.4, 1.0])
def test_equals_the_literal_reference(size: int, known: float) -> None:
    layer, features, confidence = _layer(size=size), _features(1), _confidence(2, known=known)
    out, new = layer(features, confidence, PRESENT)
    expected = _literal(layer, features, confidence * PRESENT[..., None, None])
    torch.testing.assert_close(out, expected, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(new, layer.rule(confidence, PRESENT))


def test_sources_may_come_in_pieces() -> None:
    layer, features, confidence = _layer(), _features(1), _confidence(2)
    for feature in (*features, confidence):
        feature.requires_grad_()
    inputs = (*features, confidence)
    whole, _ = layer(features, confidence, PRESENT)
    expected = torch.autograd.grad(whole.square().sum(), inputs)
    first, second, third = features
    pieces = [tuple(first.split(1, dim=1)), tuple(second.split([0, 2, 1], dim=1)), third]
    out, _ = layer(pieces, confidence, PRESENT)
    torch.testing.assert_close(out, whole)
    for found, wanted in zip(torch.autograd.grad(out.square().sum(), inputs), expected):
        torch.testing.assert_close(found, wanted)


def test_all_known_is_a_convolution() -> None:
    """Away from the border, where the taps outside are unknown."""
    layer, features = _layer(), _features(1)
    ones = torch.ones(2, 3, 5, 6, dtype=torch.float64)
    out, _ = layer(features, ones, torch.ones(2, 3))
    plain = layer.conv(torch.cat(features, dim=1))
    torch.testing.assert_close(out[..., 1:-1, 1:-1], plain[..., 1:-1, 1:-1])
    scaled = functional.conv2d(torch.cat(features, dim=1), layer.conv.weight, padding=1) * 9 / 4
    corner = (scaled + layer.conv.bias[:, None, None])[..., 0, 0]
    torch.testing.assert_close(out[..., 0, 0], corner)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1), st.floats(0, 1))
def test_depends_on_known_inputs_alone(seed: int, known: float) -> None:
    layer, features, confidence = _layer(), _features(seed), _confidence(seed, known=known)
    unknown = confidence * PRESENT[..., None, None] == 0
    other = [
        torch.where(unknown[:, i : i + 1], 50 * strange, f)
        for i, (f, strange) in enumerate(zip(features, _features(seed + 1)))
    ]
    out, new = layer(features, confidence, PRESENT)
    out_of_other, new_of_other = layer(other, confidence, PRESENT)
    assert torch.equal(out, out_of_other)
    assert torch.equal(new, new_of_other)


def test_is_zero_where_nothing_is_known() -> None:
    confidence = torch.zeros(2, 3, 5, 6, dtype=torch.float64)
    confidence[:, 1, 1, 1] = 1
    out, _ = _layer()(_features(1), confidence, torch.ones(2, 3))
    known = functional.max_pool2d(confidence[:, 1:2], 3, 1, 1) > 0
    assert torch.equal(out.abs().amax(1, keepdim=True) > 0, known)


def test_one_whole_tap_is_never_too_little() -> None:
    """One channel of 64, one tap of nine: under LEAST_KNOWN, and scaled in full all the same."""
    layer, size = _layer(channels=(63, 1)), (3, 3)
    features = _features(1, size, (63, 1))
    confidence = torch.zeros(2, 2, *size, dtype=torch.float64)
    confidence[:, 1, 1, 1] = 1
    out, _ = layer(features, confidence, torch.ones(2, 2))
    assert LEAST_KNOWN > 1 / (64 * 9)
    expected = features[1][:, :, 1, 1] * layer.conv.weight[:, 63, 1, 1] * 64 * 9 + layer.conv.bias
    torch.testing.assert_close(out[:, :, 1, 1], expected)


@pytest.mark.parametrize("rule", RULES)
def test_missing_neighbours_are_holes(rule: str) -> None:
    """Whatever stands in their slots."""
    layer, features, confidence = _layer(rule), _features(1), _confidence(2)
    nothing = torch.where(PRESENT[..., None, None] > 0, confidence, 0.0)
    emptied = [f * PRESENT[:, i, None, None, None] for i, f in enumerate(features)]
    for found, expected in zip(
        layer(features, confidence, PRESENT), layer(emptied, nothing, PRESENT)
    ):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("rule", RULES)
def test_gradient(rule: str) -> None:
    size = (3, 4)
    layer = _layer(rule)
    features = [f.requires_grad_() for f in _features(1, size)]
    # Away from 0, where sum(M) > 0 jumps, and from where clip's sum passes 1.
    confidence = ((0.02 if rule == "clip" else 0.3) + 0.02 * _confidence(2, size)).requires_grad_()
    inputs = (*features, confidence, *layer.parameters())

    def run(*given: Tensor) -> tuple[Tensor, Tensor]:
        return layer(given[:3], given[3], PRESENT)

    assert torch.autograd.gradcheck(run, inputs)


def test_a_gradient_that_is_not_asked_for_is_not_needed() -> None:
    """First step: confidence is the hole's own, and features may be detached."""
    layer, features, confidence = _layer(), _features(1), _confidence(2)
    features[1].requires_grad_()
    layer(features, confidence, PRESENT)[0].square().sum().backward()
    gradient = features[1].grad.clone()
    layer.zero_grad()
    asked = [f.detach().requires_grad_() for f in features]
    layer(asked, confidence.requires_grad_(), PRESENT)[0].square().sum().backward()
    torch.testing.assert_close(asked[1].grad, gradient)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([0.0, 1e-38, 1e-8, 1e-3, 1.0]), st.integers(0, 2**31 - 1))
@pytest.mark.parametrize("rule", RULES)
def test_gradients_are_finite(rule: str, value: float, seed: int) -> None:
    layer = _layer(rule).float()
    features = [f.float().requires_grad_() for f in _features(seed)]
    confidence = (value * _confidence(seed)).float().requires_grad_()
    out, new = layer(features, confidence, PRESENT.float())
    (out.sum() + new.sum()).backward()
    tensors = [*features, confidence, *layer.parameters()]
    assert all(t.grad is None or t.grad.isfinite().all() for t in tensors)
    assert out.isfinite().all()


@pytest.mark.parametrize("kind", ["partial", "gated"])
def test_keeps_channels_last(kind: str) -> None:
    layer = _layer().float() if kind == "partial" else GatedConv(CHANNELS, OUT)
    layer = layer.to(memory_format=torch.channels_last)
    last = [f.float().contiguous(memory_format=torch.channels_last) for f in _features(1)]
    plain = [f.float() for f in _features(1)]
    out, new = layer(last, _confidence(2).float(), PRESENT.float())
    assert out.is_contiguous(memory_format=torch.channels_last)
    of_plain, new_of_plain = layer(plain, _confidence(2).float(), PRESENT.float())
    torch.testing.assert_close(out, of_plain, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(new, new_of_plain)


class TestGatedConv:
    def test_is_the_features_times_their_gate(self) -> None:
        torch.manual_seed(0)
        layer = GatedConv(CHANNELS, OUT).double()
        features, confidence = _features(1), _confidence(2)
        out, new = layer(features, confidence, torch.ones(2, 3, dtype=torch.float64))
        stacked = torch.cat([*features, confidence], dim=1)
        half = [
            functional.conv2d(stacked, layer.conv.weight[part], layer.conv.bias[part], padding=1)
            for part in (slice(OUT), slice(OUT, None))
        ]
        torch.testing.assert_close(out, half[0] * torch.sigmoid(half[1]))
        torch.testing.assert_close(new, torch.sigmoid(half[1]).mean(1, keepdim=True))
        assert new.min() > 0
        assert new.max() < 1

    def test_missing_neighbours_are_not_looked_at(self) -> None:
        layer, features, confidence = (
            GatedConv(CHANNELS, OUT).double(),
            _features(1),
            _confidence(2),
        )
        others = [
            torch.where(PRESENT[:, i, None, None, None] > 0, f, -f) for i, f in enumerate(features)
        ]
        other = torch.where(PRESENT[..., None, None] > 0, confidence, 1 - confidence)
        for found, expected in zip(
            layer(others, other, PRESENT), layer(features, confidence, PRESENT)
        ):
            assert torch.equal(found, expected)

    def test_confidence_counts(self) -> None:
        layer, features = GatedConv(CHANNELS, OUT).double(), _features(1)
        low, high = (layer(features, torch.full((2, 3, 5, 6), v).double(), PRESENT) for v in (0, 1))
        assert (low[0] - high[0]).abs().max() > 1e-3
        assert (low[1] - high[1]).abs().max() > 1e-3

    def test_gradient(self) -> None:
        layer = GatedConv(CHANNELS, 2).double()
        features = [f.requires_grad_() for f in _features(1, (3, 3))]
        confidence = _confidence(2, (3, 3)).requires_grad_()
        run = lambda a, b, c, m, *_: layer([a, b, c], m, PRESENT)  # noqa: E731
        assert torch.autograd.gradcheck(run, (*features, confidence, *layer.parameters()))
