"""Fills: identities, slow literal references, known pixels untouched."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.restoration import inpaint_biharmonic

from flowmend.fills import FILLS, harmonic
from flowmend.fills.biharmonic import fill_biharmonic
from flowmend.fills.harmonic import fill_smooth, multigrid
from flowmend.fills.least_energy import MEMBRANE, least_energy
from flowmend.fills.opencv import fill_telea
from flowmend.fills.temporal import fill_temporal

HEIGHT, WIDTH, FRAMES = 20, 24, 4
SPATIAL = [name for name in FILLS if name != "temporal"]
INTERPOLATING = [name for name in FILLS if name != "zero"]


def _flow(seed: int = 0, height: int = HEIGHT, width: int = WIDTH, frames: int = FRAMES):
    noise = np.random.default_rng(seed).normal(size=(frames, 2, height, width))
    return (20 * gaussian_filter(noise, (0, 0, 2, 2))).astype(np.float32)


def _affine(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([0.1 * x - 0.2 * y + 3, 0.3 * y + 0.05 * x - 1])[None].astype(np.float32)


def _box(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    hole[5:14, 6:17] = True
    return hole


def _shapes(height: int, width: int) -> dict[str, np.ndarray]:
    """Holes that try a solver: round, scattered, threaded by known lines, at the frame's edge."""
    rows, columns = np.mgrid[:height, :width]
    disc = np.hypot(rows / height - 0.5, columns / width - 0.5) < 0.4
    scattered = np.random.default_rng(0).random((height, width)) < 0.9
    threaded = disc & (columns % 7 != 0)
    corner = (rows < 0.7 * height) & (columns < 0.6 * width)
    all_but_one = np.ones((height, width), bool)
    all_but_one[height // 3, width // 2] = False
    ring = disc & (np.hypot(rows / height - 0.5, columns / width - 0.5) > 0.2)
    shapes = dict(disc=disc, scattered=scattered, threaded=threaded, corner=corner)
    return {**shapes, "far corner": corner[::-1, ::-1], "all but one": all_but_one, "ring": ring}


def _dense_laplace(field: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Literal reference: each hole pixel is the mean of its neighbours in the frame."""
    pixels = [tuple(p) for p in np.argwhere(hole)]
    number = {pixel: n for n, pixel in enumerate(pixels)}
    matrix, load = np.zeros((len(pixels), len(pixels))), np.zeros(len(pixels))
    for n, (row, column) in enumerate(pixels):
        for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            beside = (row + step[0], column + step[1])
            if not (0 <= beside[0] < hole.shape[0] and 0 <= beside[1] < hole.shape[1]):
                continue
            matrix[n, n] += 1
            if beside in number:
                matrix[n, number[beside]] -= 1
            else:
                load[n] += field[beside]
    return np.linalg.solve(matrix, load)


def _dense_plate(field: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Literal reference: least squares of every second difference that lies in the frame."""
    height, width = hole.shape
    rows = []
    for y in range(height):
        for x in range(width):
            for stencil in (
                {(y, x - 1): 1, (y, x): -2, (y, x + 1): 1},
                {(y - 1, x): 1, (y, x): -2, (y + 1, x): 1},
                {p: s * 2**0.5 for p, s in _cross(y, x).items()},
            ):
                if all(0 <= r < height and 0 <= c < width for r, c in stencil):
                    row = np.zeros((height, width))
                    for pixel, weight in stencil.items():
                        row[pixel] = weight
                    rows.append(row.ravel())
    difference, inside = np.array(rows), hole.ravel()
    load = -difference[:, ~inside] @ field.ravel()[~inside]
    return np.linalg.lstsq(difference[:, inside], load)[0]


def _cross(y: int, x: int) -> dict[tuple[int, int], int]:
    return {(y, x): 1, (y, x + 1): -1, (y + 1, x): -1, (y + 1, x + 1): 1}


@pytest.mark.parametrize("name", list(FILLS))
class TestEveryFill:
    def test_known_pixels_are_bitwise_untouched(self, name: str):
        flow, hole = _flow(), _box()
        filled = FILLS[name](flow, hole)
        assert filled.dtype == np.float32
        assert np.array_equal(filled[..., ~hole], flow[..., ~hole])

    def test_does_not_read_the_hole(self, name: str):
        flow, hole = _flow(), _box()
        spoilt = np.where(hole, np.float32(np.nan), flow)
        assert np.array_equal(FILLS[name](spoilt, hole), FILLS[name](flow, hole))

    def test_does_not_write_into_its_input(self, name: str):
        flow = _flow()
        before = flow.copy()
        FILLS[name](flow, _box())
        assert np.array_equal(flow, before)

    def test_an_empty_hole_changes_nothing(self, name: str):
        flow = _flow()
        assert np.array_equal(FILLS[name](flow, np.zeros((HEIGHT, WIDTH), bool)), flow)

    def test_leading_dimensions(self, name: str):
        flow, hole = np.stack([_flow(1), _flow(2)]), np.zeros((2, FRAMES, HEIGHT, WIDTH), bool)
        hole[0, 1:3], hole[1, 0] = _box(), _box()[::-1]
        filled = FILLS[name](flow, hole)
        for one, clip, its_hole in zip(filled, flow, hole):
            assert np.array_equal(one, FILLS[name](clip, its_hole))

    def test_a_frame_that_is_all_hole(self, name: str):
        hole = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
        hole[1] = True
        filled = FILLS[name](_flow(), hole)
        assert np.isfinite(filled).all()
        assert name == "temporal" or not filled[1].any()


@pytest.mark.parametrize("name", INTERPOLATING)
def test_constant_flow_is_exact(name: str):
    flow = np.full((FRAMES, 2, HEIGHT, WIDTH), np.float32(-7.3))
    tolerance_px = 1e-4 if name in {"telea", "navier_stokes"} else 2e-6
    assert np.abs(FILLS[name](flow, _box()) - flow).max() < tolerance_px


@pytest.mark.parametrize("name", SPATIAL)
def test_frames_with_other_holes_are_filled_apart(name: str):
    others = np.roll(_box(), 3, axis=0), np.roll(_box(), -4, axis=1)
    flow, holes = _flow(), np.stack([_box(), others[0], _box(), others[1]])
    together = FILLS[name](flow, holes)
    for one, frame, hole in zip(together, flow, holes):
        assert np.allclose(one, FILLS[name](frame, hole), atol=1e-6)


class TestSmooth:
    @pytest.mark.parametrize("shape", list(_shapes(9, 9)))
    def test_dense_reference(self, shape: str):
        hole, flow = _shapes(HEIGHT, WIDTH)[shape], _flow(frames=1)
        filled = fill_smooth(flow, hole)[0, 1]
        assert np.abs(filled[hole] - _dense_laplace(flow[0, 1], hole)).max() < 1e-5

    def test_affine_flow_is_exact(self):
        assert np.abs(fill_smooth(_affine(), _box()) - _affine()).max() < 1e-6

    def test_stays_between_the_borders_values(self):
        flow, hole = _flow(), _box()
        border = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3))).astype(bool) & ~hole
        filled = fill_smooth(flow, hole)
        for field, known in zip(filled.reshape(-1, *hole.shape), flow.reshape(-1, *hole.shape)):
            assert known[border].min() <= field[hole].min()
            assert field[hole].max() <= known[border].max()

    @pytest.mark.parametrize("shape", list(_shapes(9, 9)))
    @pytest.mark.parametrize("size", [(90, 131), (64, 150), (33, 200)])
    def test_multigrid_agrees_with_the_factorisation(self, shape: str, size: tuple[int, int]):
        hole, fields = _shapes(*size)[shape], _flow(3, *size, frames=2).reshape(-1, *size)
        fields += np.array([0.0, 300.0, -50.0, 0.0], np.float32)[:, None, None]
        exact = least_energy(fields, hole, MEMBRANE)
        assert np.abs(multigrid(fields, hole) - exact).max() < 1e-3

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 40), st.floats(0.05, 0.98))
    def test_multigrid_in_any_hole(self, seed: int, height: int, width: int, share: float):
        rng = np.random.default_rng(seed)
        blurred = gaussian_filter(rng.random((height, width)), rng.uniform(0, 3))
        hole = blurred <= np.quantile(blurred, share)
        hole.flat[blurred.argmax()] = False
        fields = rng.normal(size=(2, height, width)).astype(np.float32)
        assert np.abs(multigrid(fields, hole) - least_energy(fields, hole, MEMBRANE)).max() < 1e-3

    @pytest.mark.parametrize("shape", list(_shapes(9, 9)))
    def test_multigrid_needs_few_cycles_whatever_the_shape(
        self, shape: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(harmonic, "_MOST_CYCLES", 11)
        size = (250, 300)
        hole, fields = _shapes(*size)[shape], _flow(1, *size, frames=1)[0]
        assert np.isfinite(multigrid(fields, hole)).all()  # or ArithmeticError

    def test_a_field_that_is_zero_beside_one_that_is_not(self):
        fields = np.stack([np.zeros((80, 80)), _flow(0, 80, 80)[0, 0]]).astype(np.float32)
        solved = multigrid(fields, _shapes(80, 80)["disc"])
        assert not solved[0].any()
        assert np.isfinite(solved[1]).all()

    def test_flow_that_is_not_finite_is_no_endless_loop(self):
        fields = np.full((1, 80, 80), np.nan, np.float32)
        with pytest.raises(ArithmeticError, match="finite"):
            multigrid(fields, _shapes(80, 80)["disc"])


class TestBiharmonic:
    @pytest.mark.parametrize("shape", ["disc", "scattered", "threaded", "corner", "ring"])
    def test_dense_reference(self, shape: str):
        hole, flow = _shapes(12, 14)[shape], _flow(0, 12, 14, frames=1)
        filled = fill_biharmonic(flow, hole)[0, 0]
        assert np.abs(filled[hole] - _dense_plate(flow[0, 0], hole)).max() < 1e-4

    def test_agrees_with_scikit_image_away_from_the_frames_edge(self):
        flow, hole = _flow(frames=1), _box()
        expected = inpaint_biharmonic(flow[0].astype(np.float64), hole, channel_axis=0)
        assert np.abs(fill_biharmonic(flow, hole)[0] - expected).max() < 1e-5

    @pytest.mark.parametrize("shape", ["disc", "corner", "far corner", "threaded"])
    def test_affine_flow_is_exact_even_at_the_frames_edge(self, shape: str):
        hole = _shapes(HEIGHT, WIDTH)[shape]
        assert np.abs(fill_biharmonic(_affine(), hole) - _affine()).max() < 1e-4

    def test_is_unique_where_all_known_pixels_lie_on_a_line(self):
        hole = np.ones((HEIGHT, WIDTH), bool)
        hole[7] = False
        filled = fill_biharmonic(np.ones((1, 2, HEIGHT, WIDTH), np.float32), hole)
        assert np.abs(filled - 1).max() < 1e-3


class TestOpenCV:
    def test_scale_of_the_flow_does_not_matter(self):
        # Unscaled, OpenCV's 8-bit rounding constant would add whole pixels (PITFALLS 10).
        flow, hole = _flow(), _box()
        small = fill_telea(flow / 100, hole) * 100
        assert np.abs(small - fill_telea(flow, hole)).max() < 0.02
        plain = cv2.inpaint(flow[0, 0], hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
        assert np.abs(plain - fill_telea(flow, hole)[0, 0]).max() > 0.4

    @pytest.mark.parametrize("name", ["telea", "navier_stokes"])
    def test_what_lies_far_from_the_hole_is_not_read(self, name: str):
        flow, hole = _flow(0, 60, 70, frames=1), np.zeros((60, 70), bool)
        hole[25:35, 20:40] = True
        method = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}[name]
        units = np.float32(2**16)
        whole = cv2.inpaint(flow[0, 0] * units, hole.astype(np.uint8), 3, method) / units
        assert np.abs(FILLS[name](flow, hole)[0, 0] - whole).max() < 1e-5


class TestTemporal:
    def test_flow_linear_in_time_is_exact(self):
        slope, start = _flow(1)[0], _flow(2)[0]
        flow = (start + np.arange(6, dtype=np.float32)[:, None, None, None] * slope).astype("f4")
        hole = np.zeros((6, HEIGHT, WIDTH), bool)
        hole[1:5] = _box()
        assert np.abs(fill_temporal(flow, hole) - flow).max() < 1e-4

    def test_literal_reference(self):
        flow = _flow(frames=5)
        hole = np.random.default_rng(5).random((5, HEIGHT, WIDTH)) < 0.5
        hole &= ~hole.all(axis=0)
        filled = fill_temporal(flow, hole)
        for t, y, x in np.argwhere(hole):
            known = np.flatnonzero(~hole[:, y, x])
            expected = [np.interp(t, known, flow[known, c, y, x]) for c in (0, 1)]
            assert np.abs(filled[t, :, y, x] - expected).max() < 1e-5

    def test_without_any_known_frame_it_is_the_smooth_fill(self):
        flow = _flow()
        assert np.array_equal(fill_temporal(flow, _box()), fill_smooth(flow, _box()))

    def test_a_core_that_is_never_known_joins_what_time_has_filled(self):
        flow = np.broadcast_to(_affine(), (FRAMES, 2, HEIGHT, WIDTH)).copy()
        hole = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
        hole[:, 8:12, 8:14] = True
        hole[1:3] |= _box()
        assert np.abs(fill_temporal(flow, hole) - flow).max() < 1e-5
