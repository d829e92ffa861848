"""CoordConv's channels: in range, cut with the window, and what only they can tell."""

import pytest
import torch
from torch import nn

from flowmend.networks import NETWORKS
from flowmend.networks.coordinates import position_map, with_position


class TestPositionMap:
    def test_x_runs_along_rows_and_y_along_columns(self) -> None:
        x, y = position_map(3, 5)
        assert torch.equal(x, torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]).expand(3, 5))
        assert torch.equal(y, torch.tensor([[-1.0], [0.0], [1.0]]).expand(3, 5))

    @pytest.mark.parametrize("size", [(64, 64), (17, 23), (1, 9)])
    def test_fills_the_range(self, size: tuple[int, int]) -> None:
        position = position_map(*size)
        assert position.shape == (2, *size)
        assert position.dtype == torch.float32
        assert position.min() == -1
        assert position.max() == 1


class TestWithPosition:
    def test_appends_two_channels(self) -> None:
        x = torch.randn(3, 4, 6, 7)
        told = with_position(x, None)
        assert torch.equal(told[:, :4], x)
        assert torch.equal(told[:, 4:], position_map(6, 7).expand(3, -1, -1, -1))

    def test_a_window_keeps_its_place_in_the_frame(self) -> None:
        rows, columns = slice(2, 6), slice(3, 8)
        frame = with_position(torch.zeros(1, 1, 9, 12), None)
        window = position_map(9, 12)[:, rows, columns]
        told = with_position(torch.zeros(1, 1, 4, 5), window)
        assert torch.equal(told, frame[..., rows, columns])

    def test_takes_a_place_for_each_sample(self) -> None:
        places = torch.randn(3, 2, 4, 5)
        assert torch.equal(with_position(torch.zeros(3, 1, 4, 5), places)[:, 1:], places)

    def test_keeps_type(self) -> None:
        assert with_position(torch.zeros(1, 1, 4, 5).double(), None).dtype == torch.float64


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_is_told_can_say_where_it_is(name: str) -> None:
    """And one that is not cannot: a constant image looks the same everywhere."""
    target = position_map(48, 48)[None]
    blank = torch.zeros(1, 1, 48, 48)
    inner = (..., slice(16, 32), slice(16, 32))
    left = {}
    for told in (True, False):
        torch.manual_seed(0)
        inputs = with_position(blank, None) if told else blank.expand(-1, 3, -1, -1)
        trunk = NETWORKS[name](3, 2, 4)
        optimizer = torch.optim.Adam(trunk.parameters(), lr=1e-2)
        for _ in range(80):
            loss = nn.functional.mse_loss(trunk(inputs)[inner], target[inner])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        left[told] = loss.item() / target[inner].square().mean().item()
    assert left[True] < 0.1 < left[False]
