"""Classical inpainters obey the protocol: torch in and out, known pixels untouched."""

import numpy as np
import pytest
import torch

from flowmend.fills import FILLS
from flowmend.inpainters.classical import CLASSICAL, ClassicalInpainter
from flowmend.types import Clip

NAMES = {"zero", "smooth", "biharmonic", "telea", "navier_stokes", "temporal"}


def _clip(batch: tuple[int, ...] = (), frames: tuple[int, ...] = (2, 3)) -> Clip:
    random = torch.Generator().manual_seed(3)
    shape = (*batch, 6, 2, 18, 21)
    hole = torch.zeros(*batch, 6, 18, 21, dtype=torch.bool)
    hole[..., list(frames), 4:12, 5:15] = True
    forward, backward = (torch.randn(shape, generator=random).cumsum(-1) for _ in range(2))
    return Clip(forward, backward, hole, "clip")


def test_registry_holds_every_fill():
    assert set(CLASSICAL) == set(FILLS) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
class TestProtocol:
    @pytest.mark.parametrize("batch", [(), (2,)])
    def test_known_flow_is_bitwise_kept(self, name: str, batch: tuple[int, ...]):
        clip = _clip(batch)
        mended = CLASSICAL[name](clip)
        known = ~clip.hole.unsqueeze(-3).expand_as(clip.forward)
        for flow, truth in ((mended.forward, clip.forward), (mended.backward, clip.backward)):
            assert flow.dtype == truth.dtype
            assert flow.shape == truth.shape
            assert torch.equal(flow[known], truth[known])
        assert mended.confidence is None

    def test_never_looks_into_the_hole(self, name: str):
        clip = _clip()
        spoilt = clip.forward.masked_fill(clip.hole.unsqueeze(-3), float("nan"))
        mended = CLASSICAL[name](Clip(spoilt, clip.backward, clip.hole))
        assert torch.equal(mended.forward, CLASSICAL[name](clip).forward)

    def test_a_batch_is_its_clips(self, name: str):
        clip = _clip((2,))
        mended = CLASSICAL[name](clip)
        for n in range(2):
            alone = CLASSICAL[name](Clip(clip.forward[n], clip.backward[n], clip.hole[n]))
            assert torch.allclose(mended.backward[n], alone.backward, atol=1e-5)

    def test_is_the_fill(self, name: str):
        clip = _clip()
        expected = FILLS[name](clip.forward.numpy(), clip.hole.numpy())
        assert np.allclose(CLASSICAL[name](clip).forward.numpy(), expected, atol=1e-6)


def test_temporal_uses_the_frames_that_know():
    clip = _clip()
    steady = clip.forward[:1].expand(6, -1, -1, -1)
    mended = CLASSICAL["temporal"](Clip(steady, steady, clip.hole))
    assert torch.allclose(mended.forward, steady, atol=1e-6)


def test_double_precision_keeps_known_values():
    clip = _clip()
    mended = ClassicalInpainter(FILLS["smooth"])(
        Clip(clip.forward.double() / 3, clip.backward.double() / 3, clip.hole)
    )
    assert mended.forward.dtype == torch.float64
    assert torch.equal(mended.forward[0], clip.forward[0].double() / 3)
