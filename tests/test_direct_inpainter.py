"""A trained network on whole clips: what it may see, what is kept, and edges beside the flow."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from flowmend.edges import flow_edges
from flowmend.fills import FILLS
from flowmend.inpainters.direct import DirectInpainter
from flowmend.networks import NETWORKS
from flowmend.networks.coordinates import position_map
from flowmend.networks.flow_predictor import FLOW_UNIT_PX, FlowPredictor, channels
from flowmend.types import Clip, Completion
from training_clips import CANNY_PX, FRAMES, SIZE, holes, smooth_flow

FIND = partial(flow_edges, threshold_px=CANNY_PX)
Flows = ("forward", "backward")


def _predictor(edges: bool = False, coordinates: bool = False) -> FlowPredictor:
    torch.manual_seed(0)
    trunk = NETWORKS["unet"](*channels(FRAMES, edges, coordinates), 4)
    torch.nn.init.normal_(trunk.last.weight)
    return FlowPredictor(trunk, residual=False, edges=edges, coordinates=coordinates)


def _clip(batch: bool = False, setup: Callable[[int], bool] = lambda t: True) -> Clip:
    flow = torch.from_numpy(smooth_flow(9))
    hole = torch.from_numpy(np.stack([holes(9)[0] & setup(t) for t in range(FRAMES)]))
    parts = (flow[:, 0], flow[:, 1], hole)
    return Clip(*(part[None] if batch else part for part in parts), "clip")


def _spoilt(clip: Clip) -> Clip:
    """The clip with another truth in its hole."""
    inside = clip.hole.unsqueeze(-3)
    random = torch.Generator().manual_seed(4)
    noise = 50 * torch.randn(clip.forward.shape, generator=random)
    return replace(
        clip,
        forward=torch.where(inside, noise, clip.forward),
        backward=torch.where(inside, float("nan"), clip.backward),
    )


@pytest.fixture(params=["flow", "flow and edges", "coordinates"])
def inpainter(request: pytest.FixtureRequest) -> DirectInpainter:
    edges = request.param == "flow and edges"
    predictor = _predictor(edges, request.param == "coordinates")
    return DirectInpainter(predictor, FILLS["smooth"], FIND if edges else None)


class TestFlow:
    @pytest.mark.parametrize("batch", [False, True])
    def test_keeps_known_pixels_and_mends_the_hole(
        self, inpainter: DirectInpainter, batch: bool
    ) -> None:
        clip = _clip(batch)
        completion = inpainter(clip)
        hole = clip.hole.unsqueeze(-3).expand_as(clip.forward)
        for way in Flows:
            mended, truth = getattr(completion, way), getattr(clip, way)
            assert torch.equal(mended[~hole], truth[~hole])
            assert not torch.equal(mended[hole], truth[hole])

    def test_never_reads_inside_the_hole(self, inpainter: DirectInpainter) -> None:
        own, other = inpainter(_clip()), inpainter(_spoilt(_clip()))
        assert torch.equal(own.forward, other.forward)
        assert torch.equal(own.backward, other.backward)
        assert own.edges is other.edges is None or torch.equal(own.edges, other.edges)

    def test_a_batch_is_its_clips_one_by_one(self, inpainter: DirectInpainter) -> None:
        one, many = inpainter(_clip()), inpainter(_clip(batch=True))
        for name in (*Flows, "edges"):
            single, batched = getattr(one, name), getattr(many, name)
            assert single is batched is None or torch.allclose(single, batched[0], atol=1e-5)


class TestEdges:
    def _complete(self, clip: Clip, find: Callable = FIND) -> Completion:
        return DirectInpainter(_predictor(edges=True), FILLS["smooth"], find)(clip)

    def test_are_probabilities_of_every_frame(self) -> None:
        completion = self._complete(_clip())
        assert completion.edges is not None
        assert completion.edges.shape == (FRAMES, SIZE, SIZE)
        assert completion.edges.min() >= 0
        assert completion.edges.max() <= 1

    def test_known_ones_are_kept_and_the_hole_s_are_the_network_s(self) -> None:
        clip = _clip()
        completion = self._complete(clip)
        filled = FILLS["smooth"](clip.hidden().forward.numpy(), clip.hole.numpy())
        known = torch.from_numpy(np.stack([FIND(flow) for flow in filled]))
        assert known[~clip.hole].any()
        assert torch.equal(completion.edges[~clip.hole], known[~clip.hole].float())
        invented = completion.edges[clip.hole]
        assert ((invented > 0) & (invented < 1)).all()

    def test_known_ones_are_all_that_is_true_away_from_the_hole(self) -> None:
        """The fill changes what Canny finds at the hole's rim alone."""
        clip = _clip()
        completion = self._complete(clip)
        true = torch.from_numpy(np.stack([FIND(flow) for flow in clip.forward.numpy()]))
        rows, columns = clip.hole[0].nonzero().unbind(dim=1)
        far = torch.ones(SIZE, SIZE, dtype=torch.bool)
        far[rows.min() - 3 : rows.max() + 4, columns.min() - 3 : columns.max() + 4] = False
        agree = (completion.edges == true)[:, far].float().mean()
        assert true[:, far].any()
        assert agree > 0.98

    def test_the_network_is_told_of_none_in_the_hole(self) -> None:
        """An edge finder that sees one everywhere is believed outside the hole alone."""
        told = []
        predictor = _predictor(edges=True)
        predictor.register_forward_pre_hook(lambda _, given: told.append(given[2]))
        everywhere = lambda flow: np.ones(flow.shape[1:], bool)  # noqa: E731
        clip = _clip(setup=lambda t: t in (2, 3))
        DirectInpainter(predictor, FILLS["smooth"], everywhere)(clip)
        assert torch.equal(told[0][0], (~clip.hole).float())

    def test_frames_without_a_hole_keep_all_of_theirs(self) -> None:
        clip = _clip(setup=lambda t: t in (2, 3))
        completion = self._complete(clip)
        for t in (0, 1, 4, 5):
            own = torch.from_numpy(FIND(clip.forward[t].numpy())).float()
            assert torch.equal(completion.edges[t], own)

    def test_a_network_of_flow_gives_none(self) -> None:
        assert DirectInpainter(_predictor(), FILLS["smooth"])(_clip()).edges is None


class TestCoordinates:
    """CoordConv: a window that is told its place sees what the whole frame sees there."""

    def _given(self) -> tuple[torch.Tensor, torch.Tensor]:
        clip = _clip(batch=True)
        return torch.stack([clip.forward, clip.backward], dim=-4), clip.hole

    def _trunk_input(self, *given: torch.Tensor | None) -> torch.Tensor:
        seen = []
        predictor = _predictor(coordinates=True)
        predictor.trunk.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        predictor(*given)
        return seen[0]

    @pytest.mark.parametrize("window", [(0, 0, 8, 8), (5, 2, 8, 8), (8, 0, 8, 16)])
    def test_a_window_with_its_position_is_the_cut_of_the_frame(
        self, window: tuple[int, int, int, int]
    ) -> None:
        top, left, height, width = window
        rows, columns = slice(top, top + height), slice(left, left + width)
        filled, hole = self._given()
        whole = self._trunk_input(filled, hole)
        position = position_map(SIZE, SIZE)[:, rows, columns]
        cut = (filled[..., rows, columns], hole[..., rows, columns])
        for told in (position, position[None]):
            own = self._trunk_input(*cut, None, told)
            assert torch.equal(own, whole[..., rows, columns])
        assert not torch.equal(self._trunk_input(*cut), whole[..., rows, columns])

    def test_the_whole_frame_needs_no_telling(self) -> None:
        predictor, given = _predictor(coordinates=True), self._given()
        told = predictor(*given, None, position_map(SIZE, SIZE))
        assert torch.equal(predictor(*given).flows, told.flows)

    def test_position_matters(self) -> None:
        predictor, given = _predictor(coordinates=True), self._given()
        mirrored = position_map(SIZE, SIZE).flip(-1)
        assert not torch.equal(predictor(*given).flows, predictor(*given, None, mirrored).flows)

    def test_without_coordinates_it_is_ignored(self) -> None:
        predictor, given = _predictor(), self._given()
        told = predictor(*given, None, position_map(SIZE, SIZE))
        assert torch.equal(predictor(*given).flows, told.flows)


class TestPredictor:
    @pytest.mark.parametrize("residual", [False, True])
    def test_flow_and_edges_come_from_channels_of_their_own(self, residual: bool) -> None:
        clip = _clip(batch=True)
        filled = torch.stack([clip.forward, clip.backward], dim=-4)
        known = torch.zeros(clip.hole.shape)
        predictor = _predictor(edges=True)
        predictor.residual = residual
        out = []
        predictor.trunk.register_forward_hook(lambda *given: out.append(given[-1]))
        flows, edges = predictor(filled, clip.hole, known)
        own = FLOW_UNIT_PX * out[0][:, : 4 * FRAMES].reshape(filled.shape)
        wanted = filled + clip.hole[:, :, None, None] * own if residual else own
        assert torch.equal(flows, wanted)
        assert torch.equal(edges, out[0][:, 4 * FRAMES :].sigmoid())

    def test_known_edges_matter(self) -> None:
        clip = _clip(batch=True)
        filled = torch.stack([clip.forward, clip.backward], dim=-4)
        predictor = _predictor(edges=True)
        found = [predictor(filled, clip.hole, torch.full(clip.hole.shape, v)) for v in (0.0, 1.0)]
        assert not torch.equal(found[0].flows, found[1].flows)
        assert not torch.equal(found[0].edges, found[1].edges)

    def test_a_network_of_edges_must_be_given_the_known_ones(self) -> None:
        clip = _clip(batch=True)
        filled = torch.stack([clip.forward, clip.backward], dim=-4)
        with pytest.raises(AssertionError, match="known"):
            _predictor(edges=True)(filled, clip.hole)
