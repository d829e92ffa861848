"""The trained refinement behind the protocol: what it may read, what it leaves, windows, sizes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from flowmend.fills import FILLS
from flowmend.inpainters import iterative
from flowmend.inpainters.iterative import IterativeInpainter, window_around
from flowmend.types import Clip, Completion
from refiners import refiner
from training_clips import smooth_flow

STEPS = 3
KINDS = {
    "report": {},
    "architecture 2": {"architecture": 2},
    "splatted": {"rule": "clip", "neighbours": "splatted", "differences": True, "persistent": True},
}


def _clip(frames: int = 4, size: int = 18, batch: int | None = 2, setup: str = "all") -> Clip:
    flow = torch.from_numpy(np.stack([smooth_flow(k, size)[:frames] for k in range(batch or 1)]))
    hole = torch.zeros(batch or 1, frames, size, size, dtype=torch.bool)
    hole[..., 6:11, 5:12] = True
    if setup == "sandwich":
        hole[:, [0, -1]] = False
    clip = Clip(flow[:, :, 0], flow[:, :, 1], hole, "a")
    return clip if batch else _at(clip, 0)


def _at(clip: Clip, k: int) -> Clip:
    return replace(clip, forward=clip.forward[k], backward=clip.backward[k], hole=clip.hole[k])


def _inpainter(fill: str = "smooth", steps: int = STEPS, **kind) -> IterativeInpainter:
    return IterativeInpainter(refiner(awake=0.2, **kind), FILLS[fill], steps)


def _same(one: Completion, other: Completion, atol: float = 1e-5) -> None:
    for name in ("forward", "backward", "confidence"):
        torch.testing.assert_close(
            getattr(one, name), getattr(other, name), atol=atol, rtol=0, check_stride=False
        )


@pytest.mark.parametrize("kind", KINDS)
class TestProtocol:
    @pytest.mark.parametrize("setup", ["all", "sandwich"])
    def test_known_flow_is_left_alone(self, kind: str, setup: str) -> None:
        clip = _clip(setup=setup)
        for step, found in enumerate(_inpainter(**KINDS[kind]).trace(clip)):
            for flow, true in ((found.forward, clip.forward), (found.backward, clip.backward)):
                hole = clip.hole.unsqueeze(-3).expand_as(true)
                assert torch.equal(flow[~hole], true[~hole])
                assert flow.isfinite().all()
            assert found.confidence.shape == clip.hole.shape
            assert (found.confidence[~clip.hole] == 1).all()
            inside = found.confidence[clip.hole]
            assert (inside == 0).all() if step == 0 else inside.max() > 0
            assert inside.max() <= 1
            assert found.edges is None

    def test_the_truth_in_the_hole_is_never_read(self, kind: str) -> None:
        clip = _clip()
        hole = clip.hole.unsqueeze(-3)
        other = replace(
            clip,
            forward=torch.where(hole, torch.nan, clip.forward),
            backward=torch.where(hole, 1e6, clip.backward),
        )
        inpainter = _inpainter(**KINDS[kind])
        for one, two in zip(inpainter.trace(clip), inpainter.trace(other)):
            _same(one, two, atol=0)

    def test_a_call_is_the_last_of_its_trace(self, kind: str) -> None:
        clip = _clip()
        inpainter = _inpainter(**KINDS[kind])
        trace = inpainter.trace(clip)
        assert len(trace) == STEPS + 1
        _same(inpainter(clip), trace[-1], atol=0)
        assert not torch.equal(trace[1].forward, trace[0].forward)

    def test_a_clip_alone_and_in_a_batch(self, kind: str) -> None:
        clip = _clip()
        inpainter = _inpainter(**KINDS[kind])
        for k in range(2):
            for whole, alone in zip(inpainter.trace(clip), inpainter.trace(_at(clip, k))):
                picked = (whole.forward[k], whole.backward[k], whole.confidence[k])
                assert alone.forward.shape == clip.forward[k].shape
                _same(Completion(*picked), alone, atol=1e-4)

    @pytest.mark.parametrize("sides", [(13, 17), (16, 9), (9, 11)])
    @pytest.mark.parametrize("frames", [1, 2, 5])
    def test_odd_sizes_and_any_number_of_frames(
        self, kind: str, sides: tuple[int, int], frames: int
    ) -> None:
        height, width = sides
        whole = _clip(frames)
        hole = torch.zeros(2, frames, height, width, dtype=torch.bool)
        hole[..., 3:6, 2:7] = True
        clip = Clip(whole.forward[..., :height, :width], whole.backward[..., :height, :width], hole)
        found = _inpainter(**KINDS[kind])(clip)
        assert found.forward.shape == clip.forward.shape
        assert found.forward.isfinite().all()


class TestFill:
    @pytest.mark.parametrize("fill", ["smooth", "biharmonic"])
    def test_the_trace_starts_with_it(self, fill: str) -> None:
        clip = _clip()
        first = _inpainter(fill).trace(clip)[0]
        seen = clip.hidden()
        for found, hidden in ((first.forward, seen.forward), (first.backward, seen.backward)):
            expected = FILLS[fill](hidden.numpy(), clip.hole.numpy())
            assert np.array_equal(found.numpy(), expected)

    def test_an_untrained_refinement_keeps_it(self) -> None:
        clip = _clip()
        trace = IterativeInpainter(refiner(), FILLS["biharmonic"], STEPS).trace(clip)
        for found in trace[1:]:
            _same(replace(found, confidence=trace[0].confidence), trace[0])

    def test_no_step_is_the_fill_alone(self) -> None:
        clip = _clip()
        inpainter = _inpainter(steps=0)
        assert len(inpainter.trace(clip)) == 1
        _same(inpainter(clip), inpainter.trace(clip)[0], atol=0)

    @pytest.mark.parametrize("batch", [None, 2])
    def test_without_a_hole_nothing_happens(self, batch: int | None) -> None:
        clip = replace(_clip(batch=batch), hole=torch.zeros_like(_clip(batch=batch).hole))
        for found in _inpainter().trace(clip):
            assert torch.equal(found.forward, clip.forward)
            assert torch.equal(found.backward, clip.backward)
            assert (found.confidence == 1).all()


def _double(clip: Clip) -> Clip:
    return replace(clip, forward=clip.forward.double(), backward=clip.backward.double())


def _reversed(clip: Clip) -> Clip:
    """In time: the last frame first, forward flow for backward."""
    flows = clip.backward.flip(-4), clip.forward.flip(-4)
    return Clip(*flows, clip.hole.flip(-3), clip.name)


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("setup", ["all", "sandwich"])
class TestSelfEnsemble:
    @pytest.fixture
    def inpainters(self) -> list[IterativeInpainter]:
        """One way, and both."""
        network, both = refiner(awake=0.2, **KINDS["splatted"]).double(), (False, True)
        fill = FILLS["smooth"]
        return [IterativeInpainter(network, fill, STEPS, self_ensemble=on) for on in both]

    def test_is_the_mean_with_the_mended_reverse(
        self, inpainters: list[IterativeInpainter], batch: int | None, setup: str
    ) -> None:
        one_way, both_ways = inpainters
        clip = _double(_clip(batch=batch, setup=setup))
        traces = one_way.trace(clip), one_way.trace(_reversed(clip)), both_ways.trace(clip)
        for forth, back, both in zip(*traces, strict=True):
            mean = Completion(
                (forth.forward + back.backward.flip(-4)) / 2,
                (forth.backward + back.forward.flip(-4)) / 2,
                (forth.confidence + back.confidence.flip(-3)) / 2,
            )
            _same(both, mean, atol=1e-10)
        assert (traces[0][-1].forward - traces[2][-1].forward).abs().max() > 1e-3

    def test_mends_the_reverse_in_reverse(
        self, inpainters: list[IterativeInpainter], batch: int | None, setup: str
    ) -> None:
        clip = _double(_clip(batch=batch, setup=setup))
        found, mirrored = (inpainters[1](each) for each in (clip, _reversed(clip)))
        assert (found.forward - mirrored.backward.flip(-4)).abs().max() < 1e-10
        assert (found.confidence - mirrored.confidence.flip(-3)).abs().max() < 1e-10


class TestWindow:
    @staticmethod
    def _large(speed_px: float) -> Clip:
        """A frame much larger than the hole and its surroundings, moving as a whole."""
        size, frames = 72, 3
        rng = np.random.default_rng(0)
        drawn = rng.normal(size=(2, frames, 2, size, size)).cumsum(-1).astype(np.float32)
        flows = torch.from_numpy(drawn / np.abs(drawn).max() * speed_px / 1.5).double()
        hole = torch.zeros(frames, size, size, dtype=torch.bool)
        hole[:, 30:37, 34:40] = True
        return Clip(flows[0], flows[1], hole)

    @pytest.mark.parametrize("speed_px", [0.5, 4.0])
    @pytest.mark.parametrize("kind", ["report", "splatted"])
    def test_gives_what_the_whole_frame_gives(
        self, monkeypatch: pytest.MonkeyPatch, kind: str, speed_px: float
    ) -> None:
        """In float64, as a position is as exact as its frame is small."""
        clip = self._large(speed_px)
        network = refiner(awake=0.2, **KINDS[kind]).double()
        inpainter = IterativeInpainter(network, FILLS["smooth"], STEPS)
        looked: list[tuple[slice, slice]] = []

        def spy(*given):
            looked.append(window_around(*given))
            return looked[-1]

        monkeypatch.setattr(iterative, "window_around", spy)
        windowed = inpainter.trace(clip)
        assert all(0 < side.start < side.stop < 72 for side in looked[0])
        everything = (slice(0, 72), slice(0, 72))
        monkeypatch.setattr(iterative, "window_around", lambda *_: everything)
        for one, whole in zip(windowed, inpainter.trace(clip)):
            _same(one, whole, atol=1e-8)

    def test_holds_every_hole_and_a_margin_inside_the_frame(self) -> None:
        hole = torch.zeros(2, 3, 40, 50, dtype=torch.bool)
        hole[0, 1, 10, 20] = hole[1, 2, 15:17, 30] = True
        assert window_around(hole, 4) == (slice(6, 21), slice(16, 35))
        assert window_around(hole, 12) == (slice(0, 29), slice(8, 43))
        assert window_around(hole, 100) == (slice(0, 40), slice(0, 50))
        assert window_around(torch.zeros_like(hole), 4) == (slice(0, 40), slice(0, 50))
