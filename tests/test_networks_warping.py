"""The warping module: a copy at the start, exact translations, gradients that wake the branch."""

import pytest
import torch
from torch import Tensor, nn

from flowmend.networks.unet import UNet
from flowmend.networks.unet_warp import UNetWarp
from flowmend.networks.warping import WarpingModule, translate

SIZES = [(16, 16), (17, 23), (5, 40), (3, 2)]


def _random(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=dtype)


def _woken(module: nn.Module) -> None:
    """Weights as after some training: what starts at zero is zero no more."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.1)


def _literal(features: Tensor, translations: Tensor) -> Tensor:
    """a(x + d), pixel by pixel."""
    moved = torch.empty_like(features)
    height, width = features.shape[-2:]
    for b, c, row, column in torch.cartesian_prod(*map(torch.arange, features.shape)).tolist():
        dx, dy = translations[b, c].tolist()
        x, y = min(max(column + dx, 0), width - 1), min(max(row + dy, 0), height - 1)
        left, top = min(int(x), width - 2), min(int(y), height - 2)
        u, v = x - left, y - top
        cell = features[b, c, top : top + 2, left : left + 2]
        weights = torch.tensor([[(1 - u) * (1 - v), u * (1 - v)], [(1 - u) * v, u * v]])
        moved[b, c, row, column] = (cell * weights.to(cell)).sum()
    return moved


class TestTranslate:
    @pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, 0), (0, -2), (-4, 5)])
    def test_moves_by_whole_pixels_exactly(self, dx: int, dy: int) -> None:
        features = _random(2, 3, 16, 20)
        moved = translate(features, torch.tensor([dx, dy]).float().expand(2, 3, 2))
        rolled = features.roll((-dy, -dx), dims=(-2, -1))
        torch.testing.assert_close(moved[..., 5:-5, 5:-5], rolled[..., 5:-5, 5:-5])

    def test_moves_each_channel_of_each_sample_by_its_own(self) -> None:
        features = _random(2, 3, 5, 6, dtype=torch.float64)
        offsets = 2 * _random(2, 3, 2, dtype=torch.float64)
        torch.testing.assert_close(translate(features, offsets), _literal(features, offsets))

    def test_repeats_the_border(self) -> None:
        features = _random(1, 1, 4, 4)
        moved = translate(features, torch.tensor([[[100.0, 0.0]]]))
        torch.testing.assert_close(moved, features[..., -1:].expand(-1, -1, -1, 4))

    def test_knows_positions_in_half_precision(self) -> None:
        features = _random(1, 1, 8, 448, dtype=torch.bfloat16)
        moved = translate(features, torch.tensor([[[3.0, 0.0]]], dtype=torch.bfloat16))
        assert moved.dtype == torch.bfloat16
        torch.testing.assert_close(moved[..., 5:-5], features.roll(-3, dims=-1)[..., 5:-5])

    def test_gradient(self) -> None:
        features = _random(2, 2, 4, 5, dtype=torch.float64).requires_grad_()
        offsets = (0.3 + 0.1 * _random(2, 2, 2, dtype=torch.float64)).requires_grad_()
        assert torch.autograd.gradcheck(translate, (features, offsets))


class TestWarpingModule:
    @pytest.mark.parametrize("size", SIZES)
    def test_starts_as_two_copies(self, size: tuple[int, int]) -> None:
        features = _random(2, 4, 9, 7)
        both = WarpingModule(6, 4)(_random(2, 6, *size), features)
        assert both.shape == (2, 8, 9, 7)
        assert torch.equal(both[:, :4], features)
        torch.testing.assert_close(both[:, 4:], features)

    def test_moves_the_copy_alone_by_the_translations_it_tells(self) -> None:
        module, inputs, features = WarpingModule(6, 4), _random(2, 6, 16, 16), _random(2, 4, 8, 8)
        _woken(module)
        told = module.translations(inputs)
        assert told.abs().min() > 0
        both = module(inputs, features)
        assert torch.equal(both[:, :4], features)
        assert torch.equal(both[:, 4:], translate(features, told))

    def test_translations_follow_the_input(self) -> None:
        module, inputs = WarpingModule(6, 4), _random(2, 6, 16, 16)
        _woken(module)
        first, second = module.translations(inputs)
        assert (first - second).abs().max() > 1e-3

    def test_a_window_and_the_frame_around_it_are_answered_alike(self) -> None:
        """Here with nothing but zeros around it."""
        module, window = WarpingModule(6, 4), _random(1, 6, 16, 16)
        _woken(module)
        small, large = (nn.functional.pad(window, [rim] * 4) for rim in (8, 24))
        told = module.translations(small)
        assert told.abs().min() > 0
        torch.testing.assert_close(module.translations(large), told)

    def test_the_branch_wakes_with_the_first_step(self) -> None:
        """Zero weights in the last layer hold the gradient back once, not for good."""
        torch.manual_seed(0)
        module, inputs, features = WarpingModule(6, 4), _random(2, 6, 16, 16), _random(2, 4, 8, 8)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
        for _ in range(2):
            optimizer.zero_grad()
            module(inputs, features)[:, 4:].square().mean().backward()
            optimizer.step()
        gradients = [parameter.grad for parameter in module.parameters()]
        assert all(g is not None and g.abs().sum() > 0 for g in gradients)

    def test_learns_a_shift_that_its_input_tells(self) -> None:
        """One number in, the copy moved by as many px: from the zero start, in 150 steps."""
        torch.manual_seed(0)
        module = WarpingModule(1, 1)
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
        smooth = nn.functional.avg_pool2d(_random(1, 1, 40, 40), 9, stride=1)
        errors = []
        for _ in range(150):
            shifts = 2 * torch.rand(8)
            inputs = shifts[:, None, None, None].expand(-1, 1, 8, 8)
            target = translate(smooth.expand(8, -1, -1, -1), shifts[:, None, None].expand(-1, 1, 2))
            moved = module(inputs, smooth.expand(8, -1, -1, -1))[:, 1:]
            loss = (moved - target).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            errors.append(loss.item())
        assert sum(errors[-10:]) < 0.3 * sum(errors[:10])


class TestUNetWarp:
    @pytest.mark.parametrize("size", SIZES)
    def test_keeps_any_size(self, size: tuple[int, int]) -> None:
        assert UNetWarp(7, 5, 4)(_random(2, 7, *size)).shape == (2, 5, *size)

    def test_is_about_as_large_as_the_unet(self) -> None:
        plain, warping = (
            sum(p.numel() for p in build(30, 24, 16).parameters()) for build in (UNet, UNetWarp)
        )
        assert 1.0 < warping / plain < 1.2

    def test_every_parameter_has_a_gradient(self) -> None:
        trunk = UNetWarp(3, 2, 4)
        _woken(trunk)
        trunk(_random(1, 3, 16, 16)).square().sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trunk.parameters())

    def test_predicts_by_the_same_layer(self) -> None:
        trunk = UNetWarp(3, 2, 4)
        nn.init.zeros_(trunk.last.weight)
        assert not trunk(_random(1, 3, 16, 16)).any()
