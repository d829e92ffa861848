"""What the update is told: one loop over pixels against the same, written down map by map."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.loops.compiled import compiled
from flowmend.networks.codec import FLOW_CHANNELS
from flowmend.networks.flow_predictor import FLOW_UNIT_PX
from flowmend.networks.pixels import takes
from flowmend.networks.sources import weighed
from flowmend.networks.told import Told, source_channels

LAYOUTS = [(f, o, d) for f in (1, 5) for o in (False, True) for d in (False, True)]


def _told(
    features: int, origins: bool, differences: bool, dtype: torch.dtype = torch.float64
) -> tuple[Told, Tensor]:
    """Two images of 3 × 4 px, what is told of them, and confidences with zeros and ones."""
    random = torch.Generator().manual_seed(features)
    channels = features + origins + FLOW_CHANNELS * differences
    maps = torch.randn(3, 2, channels, 3, 4, generator=random, dtype=torch.float64).to(dtype)
    known = torch.rand(2, 3, 3, 4, generator=random, dtype=torch.float64).mul(2).sub(0.5)
    known = known.clamp(0, 1).to(dtype)
    own, previous, following = (each.requires_grad_() for each in maps.unbind())
    return Told(own, previous, following, features, origins), known.requires_grad_()


def _given(told: Told, known: Tensor) -> tuple[Tensor, ...]:
    return told.own, told.previous, told.following, known


@pytest.mark.parametrize("layout", LAYOUTS)
class TestProducts:
    def test_are_those_of_the_pieces(self, layout: tuple[int, bool, bool]) -> None:
        told, known = _told(*layout)
        products, written = told.times(known), weighed(list(told), known)
        features, origins, differences = layout
        assert products.shape[1] == sum(source_channels(features, differences, origins))
        assert products.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(products, written, rtol=1e-12, atol=1e-12)

    def test_have_their_gradients(self, layout: tuple[int, bool, bool]) -> None:
        told, known = _told(*layout)
        push = torch.randn_like(told.times(known))
        found, expected = (
            torch.autograd.grad(way(known), _given(told, known), push)
            for way in (told.times, lambda known: weighed(list(told), known))
        )
        for one, other in zip(found, expected):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)

    def test_gradients_are_right(self, layout: tuple[int, bool, bool]) -> None:
        told, known = _told(*layout)

        def products(own: Tensor, previous: Tensor, following: Tensor, known: Tensor) -> Tensor:
            return Told(own, previous, following, told.features, told.origins).times(known)

        assert torch.autograd.gradcheck(products, _given(told, known), fast_mode=True)

    def test_in_float32(self, layout: tuple[int, bool, bool]) -> None:
        exact, known = _told(*layout)
        told, rounded = _told(*layout, dtype=torch.float32)
        products = told.times(rounded)
        assert products.dtype == torch.float32
        torch.testing.assert_close(products.double(), exact.times(known), rtol=1e-5, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    velocity=st.tuples(*2 * [st.floats(-9, 9)]),
    acceleration=st.tuples(*2 * [st.floats(-2, 2)]),
)
def test_a_point_that_speeds_up_says_so(
    velocity: tuple[float, float], acceleration: tuple[float, float]
) -> None:
    """By its flow the frame before says: back as it came, onward with one acceleration less."""
    a = torch.tensor(acceleration, dtype=torch.float64)
    v = [torch.tensor(velocity, dtype=torch.float64) + k * a for k in range(4)]
    flow = lambda k: torch.cat([v[k + 1], -v[k]]).view(1, 4, 1, 1)  # noqa: E731
    featureless = [torch.cat([torch.zeros(1, 1, 1, 1), flow(k)], dim=1) for k in (1, 0, 2)]
    told = Told(*featureless, features=1, origins=False)
    products = told.times(torch.ones(1, 3, 1, 1, dtype=torch.float64)).flatten()
    _, before, after = products.split(source_channels(1, differences=True, origins=False))
    still = torch.zeros(2, dtype=torch.float64)
    for said, onward in ((before, -a), (after, -a)):
        expected = torch.cat([onward, still, a]) / FLOW_UNIT_PX
        torch.testing.assert_close(said[2:], expected, atol=1e-12, rtol=0)


def test_half_precision_goes_map_by_map() -> None:
    told, known = _told(5, True, True, dtype=torch.bfloat16)
    assert not takes(*_given(told, known))
    assert torch.equal(told.times(known), weighed(list(told), known))


def test_loops_take_one_type_on_the_cpu() -> None:
    single, double = torch.zeros(1), torch.zeros(1, dtype=torch.float64)
    assert takes(single, single)
    assert takes(double)
    assert not takes(single, double)
    assert not takes(torch.zeros(1, dtype=torch.int64))
    assert not takes(torch.zeros(1, device="meta"))


def test_how_far_known_is_the_channel_after_the_features() -> None:
    told, _ = _told(5, True, True)
    sources = told.own, told.previous, told.following
    expected = torch.cat([maps[:, 5:6] for maps in sources], dim=1)
    assert torch.equal(told.known(), expected)
    push = torch.randn_like(expected)
    found = torch.autograd.grad(told.known(), sources, push)
    for one, other in zip(found, torch.autograd.grad(expected, sources, push)):
        assert torch.equal(one, other)
        assert one.is_contiguous(memory_format=torch.channels_last)


def test_a_loop_with_no_place_on_disk_is_compiled_all_the_same() -> None:
    code: dict[str, Any] = {}
    exec("def twice(x):\n    return 2 * x\n", code)  # of no file, so that nothing can lie beside it
    assert compiled(code["twice"])(21) == 42
