"""Edges: where they are, what they do not depend on, what the thresholds mean."""

import numpy as np
import pytest

from flowmend.edges import flow_edges, image_edges, segmentation_edges

HEIGHT, WIDTH = 40, 48


def _step(jump: float, column: int = 20, component: int = 0) -> np.ndarray:
    flow = np.zeros((2, HEIGHT, WIDTH), np.float32)
    flow[component, :, column:] = jump
    return flow


def _disc(jump: tuple[float, float]) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = np.hypot(rows - 20, columns - 24) < 11
    return (np.array(jump)[:, None, None] * inside).astype(np.float32)


class TestSegmentation:
    def test_one_pixel_along_each_border(self):
        ids = np.zeros((8, 9), np.uint8)
        ids[2:5, 3:7] = 2
        expected = np.zeros((8, 9), bool)
        expected[1, 3:7] = expected[4, 3:7] = True  # the pixel above and the last one within
        expected[2:5, 2] = expected[2:5, 6] = True
        assert np.array_equal(segmentation_edges(ids), expected)

    def test_between_two_objects(self):
        ids = np.repeat(np.array([1, 7], np.uint8), 4)[None].repeat(5, axis=0)
        assert np.flatnonzero(segmentation_edges(ids)[2]).tolist() == [3]

    def test_frames_do_not_mix(self):
        ids = np.stack([np.zeros((4, 4), np.uint8), np.full((4, 4), 3, np.uint8)])
        assert not segmentation_edges(ids).any()


class TestFlow:
    @pytest.mark.parametrize("component", [0, 1])
    def test_a_step_gives_one_line(self, component: int):
        edges = flow_edges(_step(3.0, component=component), 0.5)
        assert (edges[1:-1].sum(axis=1) == 1).all()
        assert set(np.nonzero(edges)[1]) <= {19, 20}

    def test_threshold_is_px_per_px(self):
        # A jump of 1 px between neighbours has a central difference of 0.5 px per px.
        assert flow_edges(_step(1.02), 0.5).any()
        assert not flow_edges(_step(0.98), 0.5).any()
        assert flow_edges(_step(0.22), 0.1).any()
        assert not flow_edges(_step(0.18), 0.1).any()

    def test_hysteresis_follows_weak_edges_from_strong_ones(self):
        flow = _step(1.0) * np.linspace(0.3, 2.0, HEIGHT, dtype=np.float32)[:, None]
        edges = flow_edges(flow, 0.5)[:, 18:22].any(axis=1)
        weak = np.linspace(0.3, 2.0, HEIGHT) < 0.95
        assert edges[weak].sum() >= 8
        assert not edges[:2].any()

    def test_affine_flow_has_none(self):
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        flow = np.stack([0.2 * x - 0.1 * y, 0.3 * y]).astype(np.float32)
        assert not flow_edges(flow, 0.5).any()

    def test_an_edge_shared_by_both_components_is_found_below_each_ones_threshold(self):
        assert not flow_edges(_disc((0.8, 0.0)), 0.5).any()
        assert not flow_edges(_disc((0.0, 0.8)), 0.5).any()
        assert flow_edges(_disc((0.8, 0.8)), 0.5).any()

    def test_turning_all_vectors_changes_little(self):
        plain = flow_edges(_disc((4.0, 0.0)), 0.5)
        for angle in (0.3, 1.0, 2.5):
            turned = flow_edges(_disc((4 * np.cos(angle), 4 * np.sin(angle))), 0.5)
            assert (turned ^ plain).sum() <= 2

    def test_huge_motion_neither_wraps_nor_hides(self):
        edges = flow_edges(_step(5000.0), 0.5)
        assert (edges[1:-1].sum(axis=1) == 1).all()

    def test_no_flow_no_edges(self):
        assert not flow_edges(np.zeros((2, HEIGHT, WIDTH), np.float32), 0.5).any()


class TestImage:
    def test_colour_counts(self):
        image = np.zeros((3, HEIGHT, WIDTH), np.uint8)
        image[0, :, :20], image[1, :, 20:] = 150, 150  # same brightness, red against green
        edges = image_edges(image, 60.0)
        assert (edges[1:-1].sum(axis=1) == 1).all()

    def test_threshold_is_levels_per_px(self):
        image = np.zeros((3, HEIGHT, WIDTH), np.uint8)
        image[1, :, 20:] = 124
        assert image_edges(image, 60.0).any()
        image[1, :, 20:] = 116
        assert not image_edges(image, 60.0).any()
