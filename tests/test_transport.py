"""Transport: exact where another frame shows it, the fill elsewhere, and the protocol."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.inpainters.classical import BASELINES, CLASSICAL, FRAMEWISE
from flowmend.inpainters.transport import GUESS, Transport
from flowmend.types import Clip, Completion

FRAMES, SIZE = 6, 24
NAMES = ("transport", "transport_acceleration")


def _clip(batch: tuple[int, ...] = ()) -> Clip:
    random = torch.Generator().manual_seed(3)
    shape = (*batch, FRAMES, 2, SIZE, SIZE)
    hole = torch.zeros(*batch, FRAMES, SIZE, SIZE, dtype=torch.bool)
    hole[..., 1:-1, 8:14, 7:16] = True
    forward, backward = (0.3 * torch.randn(shape, generator=random).cumsum(-1) for _ in range(2))
    return Clip(forward, backward, hole, "clip")


def _moving_square(positions: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """A square on a still ground goes along x: true flows (T,2,H,W), and where it is (T,H,W).

    ``positions`` are its left columns in frames -1 … T.
    """
    forward = torch.zeros(FRAMES, 2, SIZE, SIZE)
    backward, where = forward.clone(), torch.zeros(FRAMES, SIZE, SIZE, dtype=torch.bool)
    for t in range(FRAMES):
        before, at, after = positions[t : t + 3]
        where[t, 9:14, at : at + 5] = True
        forward[t, 0, 9:14, at : at + 5] = after - at
        backward[t, 0, 9:14, at : at + 5] = before - at
    return forward, backward, where


def _hole(frames: slice) -> Tensor:
    hole = torch.zeros(FRAMES, SIZE, SIZE, dtype=torch.bool)
    hole[frames, 7:16, 9:17] = True
    return hole


def _everywhere(velocities: list[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    """The whole frame translates: true flows (T,2,H,W); velocities are those from frame -1 on."""
    steps = torch.tensor(velocities)[:, :, None, None].expand(-1, -1, SIZE, SIZE)
    return steps[1:].clone(), -steps[:-1]


def _shown(hole: Tensor, dx: int, dy: int) -> Tensor:
    """Pixels x of a frame for which x + (dx, dy) is in the frame and outside the hole (H, W)."""
    known = torch.zeros(3 * SIZE, 3 * SIZE, dtype=torch.bool)
    known[SIZE : 2 * SIZE, SIZE : 2 * SIZE] = ~hole
    return known[SIZE + dy : 2 * SIZE + dy, SIZE + dx : 2 * SIZE + dx]


class TestMotion:
    @pytest.mark.parametrize("acceleration", [False, True])
    @settings(max_examples=20, deadline=None)
    @given(st.integers(-6, 6), st.integers(-6, 6))
    def test_a_translation_is_mended_where_a_neighbour_shows_it(
        self, acceleration: bool, dx: int, dy: int
    ) -> None:
        forward, backward = _everywhere([(float(dx), float(dy))] * (FRAMES + 1))
        hole = _hole(slice(1, -1))
        mended = Transport(CLASSICAL["zero"], acceleration)(Clip(forward, backward, hole))
        for t in range(1, FRAMES - 1):
            after, before = _shown(hole[t + 1], dx, dy), _shown(hole[t - 1], -dx, -dy)
            for flow, truth, shown in (
                (mended.forward[t], forward[t], after),
                (mended.backward[t], backward[t], before),
            ):
                torch.testing.assert_close(flow[:, shown], truth[:, shown], atol=1e-3, rtol=0)

    @pytest.mark.parametrize("name", NAMES)
    def test_the_next_frame_outvotes_every_guess(self, name: str) -> None:
        steps = [
            (2.0, 0.0),
            (0.0, 1.0),
            (1.0, 0.0),
            (-3.0, 1.0),
            (0.0, 0.0),
            (2.0, 2.0),
            (1.0, 1.0),
        ]
        forward, backward = _everywhere(steps)
        mended = BASELINES[name](Clip(forward, backward, _hole(slice(2, 3))))
        assert (mended.forward - forward).abs().max() < 0.1  # the guesses are wrong by up to 9 px
        assert (mended.backward - backward).abs().max() < 0.1

    @pytest.mark.parametrize(("acceleration", "guess"), [(False, 2.0), (True, 3.5)])
    def test_the_last_frames_forward_flow_is_guessed(
        self, acceleration: bool, guess: float
    ) -> None:
        """Velocity 0.5, 2, then unknown: 2 again, or 2 + 1.5."""
        forward, backward = _everywhere([(0.5, 0.0)] * (FRAMES - 1) + [(2.0, 0.0), (9.0, 0.0)])
        hole = _hole(slice(FRAMES - 1, None))
        mended = Transport(CLASSICAL["zero"], acceleration)(Clip(forward, backward, hole))
        # Guess and fill (zero) are trusted alike, the fill less by the guess's own share.
        expected = torch.full((hole[-1].sum(),), guess / (2 - GUESS))
        torch.testing.assert_close(mended.forward[-1, 0][hole[-1]], expected, atol=1e-3, rtol=0)

    def test_the_square_goes_before_the_ground(self) -> None:
        """Ground that the square is about to run over is pushed to the same place."""
        forward, backward, square = _moving_square([4 + 2 * t for t in range(FRAMES + 2)])
        hole = _hole(slice(2, 3))
        mended = BASELINES["transport"](Clip(forward, backward, hole))
        contested = square[2] & hole[2] & ~square[1] & square[3]
        assert contested.any()
        assert ((mended.backward - backward)[2, 0][contested].abs() < 0.3).all()

    @pytest.mark.parametrize("name", NAMES)
    def test_a_square_comes_back_into_the_hole(self, name: str) -> None:
        """In all frames, at the same place: what the hole swallows is followed through it."""
        forward, backward, square = _moving_square([1 + 3 * t for t in range(FRAMES + 2)])
        clip = Clip(forward, backward, _hole(slice(None)))
        inside = square & clip.hole

        def error(mended: Completion) -> float:
            return (mended.forward - forward)[:, 0][inside].abs().mean().item()

        assert error(BASELINES[name](clip)) < 0.5 * error(CLASSICAL["biharmonic"](clip))


class TestFill:
    @pytest.mark.parametrize("acceleration", [False, True])
    def test_stands_where_nothing_arrives(self, acceleration: bool) -> None:
        """Nothing moves and the hole is in every frame: no frame shows what is in it."""
        still = torch.zeros(FRAMES, 2, SIZE, SIZE)
        hole = _hole(slice(None))
        fill = torch.rand(FRAMES, 2, SIZE, SIZE).mul(0.5).add(1)

        def filled(clip: Clip) -> Completion:
            chosen = torch.where(clip.hole.unsqueeze(1), fill, clip.forward)
            return Completion(chosen, chosen)

        mended = Transport(filled, acceleration)(Clip(still, still, hole))
        inside = hole.unsqueeze(1).expand_as(fill)
        torch.testing.assert_close(mended.forward[inside], fill[inside])

    def test_yields_to_what_is_exact(self) -> None:
        still = torch.zeros(FRAMES, 2, SIZE, SIZE)
        hole = _hole(slice(2, 4))

        def wild(clip: Clip) -> Completion:
            chosen = torch.where(clip.hole.unsqueeze(1), 100.0, clip.forward)
            return Completion(chosen, chosen)

        mended = Transport(wild, acceleration=False)(Clip(still, still, hole))
        # One frame away the other direction is exact; two away both are guesses, the fill a third.
        assert mended.backward[2].abs().max() < 1e-2
        assert mended.forward[3].abs().max() < 1e-2
        assert mended.forward[2].max() < 100.0

    def test_one_frame_is_the_fill(self) -> None:
        clip = _clip()
        one = Clip(clip.forward[2:3], clip.backward[2:3], clip.hole[2:3])
        expected = CLASSICAL["biharmonic"](one)
        torch.testing.assert_close(BASELINES["transport"](one).forward, expected.forward)


@pytest.mark.parametrize("name", NAMES)
class TestProtocol:
    @pytest.mark.parametrize("batch", [(), (2,), (2, 1)])
    def test_known_flow_is_bitwise_kept(self, name: str, batch: tuple[int, ...]) -> None:
        clip = _clip(batch)
        mended = BASELINES[name](clip)
        known = ~clip.hole.unsqueeze(-3).expand_as(clip.forward)
        for flow, truth in ((mended.forward, clip.forward), (mended.backward, clip.backward)):
            assert flow.shape == truth.shape
            assert torch.equal(flow[known], truth[known])
            assert torch.isfinite(flow).all()

    def test_never_looks_into_the_hole(self, name: str) -> None:
        clip = _clip()
        hole = clip.hole.unsqueeze(-3)
        spoilt = (flow.masked_fill(hole, torch.nan) for flow in (clip.forward, clip.backward))
        mended, expected = BASELINES[name](Clip(*spoilt, clip.hole)), BASELINES[name](clip)
        assert torch.equal(mended.forward, expected.forward)
        assert torch.equal(mended.backward, expected.backward)

    def test_a_batch_is_its_clips(self, name: str) -> None:
        clip = _clip((2,))
        mended = BASELINES[name](clip)
        for n in range(2):
            alone = BASELINES[name](Clip(clip.forward[n], clip.backward[n], clip.hole[n]))
            torch.testing.assert_close(mended.backward[n], alone.backward, atol=1e-5, rtol=0)

    def test_time_reversal_swaps_the_directions(self, name: str) -> None:
        clip = _clip()
        reverse = Clip(clip.backward.flip(0), clip.forward.flip(0), clip.hole.flip(0))
        mended, back = BASELINES[name](clip), BASELINES[name](reverse)
        torch.testing.assert_close(back.backward.flip(0), mended.forward, atol=1e-5, rtol=0)
        torch.testing.assert_close(back.forward.flip(0), mended.backward, atol=1e-5, rtol=0)

    def test_double_precision(self, name: str) -> None:
        clip = _clip()
        mended = BASELINES[name](Clip(clip.forward.double(), clip.backward.double(), clip.hole))
        assert mended.forward.dtype == torch.float64
        torch.testing.assert_close(
            mended.forward.float(), BASELINES[name](clip).forward, atol=1e-3, rtol=0
        )


def test_framewise_baselines_are_those_that_see_one_frame() -> None:
    clip = _clip()
    other = Clip(clip.forward.clone(), clip.backward.clone(), clip.hole)
    for flow in (other.forward, other.backward):
        flow[[0, 1, 3, 4, 5]] += 1
    unmoved = {
        name
        for name, baseline in BASELINES.items()
        if torch.equal(baseline(clip).forward[2], baseline(other).forward[2])
    }
    assert unmoved == FRAMEWISE
    assert set(BASELINES) == {*CLASSICAL, *NAMES}
