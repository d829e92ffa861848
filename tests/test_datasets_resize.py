import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.datasets.resize import resize_flow
from flowmend.datasets.segmentation import fit_to_frame, keep_objects
from flowmend.errors import InputError


def _affine_flow(height: int, width: int, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Flow of x -> x + Ax + b in coordinates that run from 0 to 1 over the frame, in px."""
    x = (np.arange(width) + 0.5) / width
    y = (np.arange(height) + 0.5) / height
    grid = np.stack(np.meshgrid(x, y))
    unit = np.einsum("ij,jhw->ihw", matrix, grid) + shift[:, None, None]
    return (unit * np.array([width, height])[:, None, None]).astype(np.float32)


@pytest.mark.parametrize(
    ("native", "size", "tolerance"),
    [
        ((96, 160), (24, 32), 1e-5),  # whole ratios: an area's mean is its centre
        ((480, 854), (120, 216), 5e-3),  # 854 / 216 is not whole
        ((96, 160), (96, 160), 0),
    ],
)
def test_affine_flow_stays_affine(native: tuple, size: tuple, tolerance: float) -> None:
    matrix, shift = np.array([[0.05, -0.02], [0.03, 0.04]]), np.array([0.01, -0.02])
    resized = resize_flow(_affine_flow(*native, matrix, shift), *size)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, _affine_flow(*size, matrix, shift), atol=tolerance)


def test_growing_is_exact_away_from_the_border() -> None:
    matrix, shift = np.array([[0.05, -0.02], [0.03, 0.04]]), np.array([0.01, -0.02])
    resized = resize_flow(_affine_flow(30, 40, matrix, shift), 60, 120)
    expected = _affine_flow(60, 120, matrix, shift)
    np.testing.assert_allclose(resized[:, 2:-2, 3:-3], expected[:, 2:-2, 3:-3], atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(2, 5), st.integers(0, 99))
def test_shrinking_is_the_mean_of_each_block(rows: int, columns: int, seed: int) -> None:
    flow = np.random.default_rng(seed).normal(size=(3, 2, 4 * rows, 6 * columns))
    blocks = flow.reshape(3, 2, 4, rows, 6, columns).mean(axis=(3, 5))
    expected = blocks * np.array([1 / columns, 1 / rows])[:, None, None]
    resized = resize_flow(flow.astype(np.float32), 4, 6)
    np.testing.assert_allclose(resized, expected, atol=1e-6)


@pytest.mark.parametrize("missing", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_missing_row_or_column_repeats_its_neighbour(missing: tuple[int, int]) -> None:
    ids = np.random.default_rng(0).integers(0, 3, (12, 20)).astype(np.uint8)
    rows, columns = missing
    fitted = fit_to_frame(ids[: 12 - rows, : 20 - columns], 12, 20, "a.png")
    assert fitted.shape == (12, 20)
    np.testing.assert_array_equal(
        fitted[: 12 - rows, : 20 - columns], ids[: 12 - rows, : 20 - columns]
    )
    np.testing.assert_array_equal(fitted[:, -1], fitted[:, -1 - columns])
    np.testing.assert_array_equal(fitted[-1], fitted[-1 - rows])


def test_a_spare_column_is_cut_off() -> None:
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(fit_to_frame(ids, 3, 3, "a.png"), ids[:, :3])


@pytest.mark.parametrize("shape", [(12, 18), (10, 20), (14, 20), (20, 12)])
def test_another_size_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"mask of another size: .* its frame has 20×12 px"):
        fit_to_frame(np.zeros(shape, np.uint8), 12, 20, "a.png")


def test_chosen_objects_keep_their_ids() -> None:
    ids = np.array([[0, 1, 2, 3]], np.uint8)
    np.testing.assert_array_equal(keep_objects(ids, [3, 1, 9]), [[0, 1, 0, 3]])
