"""Trajectories, outlines and textures of the synthetic set, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.datasets.shapes import OUTLINES
from flowmend.datasets.textures import texture
from flowmend.datasets.trajectories import (
    Bend,
    compose,
    invert,
    moving,
    similarity,
    smooth_signal,
    transform,
)

seeds = st.integers(0, 2**32 - 1)


def random_affine(random: np.random.Generator, frames: int) -> np.ndarray:
    return similarity(
        random.uniform(-np.pi, np.pi, frames),
        random.uniform(-1, 1, frames),
        random.normal(size=(frames, 2)),
    )


def test_signals_rest_at_zero_and_have_the_asked_rate() -> None:
    random, step = np.random.default_rng(0), 1e-4
    times = np.array([-step, 0.0, step])
    signals = smooth_signal(random, times, 0.3, 4000)
    np.testing.assert_array_equal(signals[1], 0)
    rates = (signals[2] - signals[0]) / (2 * step)
    assert np.sqrt(np.mean(rates**2)) == pytest.approx(0.3, rel=0.05)


def test_no_derivative_of_a_signal_is_constant() -> None:
    times = np.arange(12.0)
    signals = smooth_signal(np.random.default_rng(1), times, 1.0, 100)
    for order in (1, 2, 3):
        assert np.ptp(np.diff(signals, order, axis=0), axis=0).min() > 1e-3


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_affine_maps_compose_and_invert(seed: int) -> None:
    random = np.random.default_rng(seed)
    outer, inner = random_affine(random, 3), random_affine(random, 3)
    x, y, frame = random.normal(size=3), random.normal(size=3), np.arange(3)
    once = transform(compose(outer, inner), x, y, frame)
    np.testing.assert_allclose(once, transform(outer, *transform(inner, x, y, frame), frame))
    back = transform(invert(outer), *transform(outer, x, y, frame), frame)
    np.testing.assert_allclose(back, (x, y), atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(seeds, st.floats(0, 2), st.floats(0.1, 10))
def test_a_motion_is_undone_exactly_however_strong_its_bend(
    seed: int, amplitude: float, steepness: float
) -> None:
    random = np.random.default_rng(seed)
    bend = Bend(
        random.uniform(-amplitude, amplitude, (4, 2)),
        random.uniform(0, steepness, 2),
        random.uniform(-2, 2, 2),
    )
    motion = moving(random_affine(random, 4), bend)
    (u, v), frame = random.uniform(-1, 1, (2, 4, 5, 6)), np.arange(4)[:, None, None]
    there = motion.place(u, v, frame)
    np.testing.assert_allclose(motion.locate(*there, frame), (u, v), atol=1e-10)


@pytest.mark.parametrize("outline", OUTLINES, ids=lambda f: f.__name__)
@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_outlines_fit_the_unit_disc(outline: object, seed: int) -> None:
    axis = np.linspace(-1.1, 1.1, 89)
    u, v = np.meshgrid(axis, axis)
    level = outline(np.random.default_rng(seed), u, v)
    assert (level[np.hypot(u, v) > 1.01] < 0).all()
    assert 0.1 < (level > 0).sum() * (axis[1] - axis[0]) ** 2 < np.pi
    # Near the outline the level is about a distance: colours blend over about one pixel.
    slopes = np.hypot(*np.gradient(level, axis, axis))[np.abs(level) < 0.05]
    assert 0.4 < np.median(slopes) < 1.2
    assert slopes.max() < 2.5


@pytest.mark.parametrize("outline", OUTLINES, ids=lambda f: f.__name__)
def test_outlines_are_random(outline: object) -> None:
    u, v = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21))
    levels = [outline(np.random.default_rng(seed), u, v) for seed in range(20)]
    assert len({level.tobytes() for level in levels}) >= 15


def test_textures_are_coloured_and_have_contrast() -> None:
    pictures = [
        texture(np.random.default_rng(seed), 60, 70, 12.0, (0.3, 0.9)) for seed in range(30)
    ]
    assert {(p.shape, p.dtype.name) for p in pictures} == {((60, 70, 3), "uint8")}
    contrast = [picture.mean(axis=-1).std() for picture in pictures]
    assert min(contrast) > 5
    assert np.mean(contrast) > 15
    assert min(np.ptp(picture.mean(axis=(0, 1))) for picture in pictures) > 2
