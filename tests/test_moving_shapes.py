"""The synthetic set's truth against independent computations, and the world it shows."""

import hashlib
from dataclasses import astuple

import numpy as np
import pytest
import torch
from scipy.optimize import fsolve

from flowmend.datasets.moving_shapes import MovingShapes, pixel_centres, render, write_davis
from flowmend.datasets.surfaces import Surface, draw_world
from flowmend.geometry.round_trip import round_trip
from flowmend.geometry.warp import warp
from flowmend.io.flo import decode_flo
from flowmend.io.images import read_image, read_segmentation

SEEDS = range(12)


def surfaces_of(seed: int, frames: int, height: int, width: int) -> tuple[Surface, ...]:
    world = draw_world(seed, frames, height, width)
    return (world.background, *world.shapes)


def directions(clip: MovingShapes) -> list[tuple]:
    """Flow, opposite flow, occlusion, segmentation here and there, purity there; both ways."""
    ids, pure = clip.segmentation, clip.pure
    return [
        (clip.forward, clip.backward, clip.occlusion_forward, ids[:-1], ids[1:], pure[1:]),
        (clip.backward, clip.forward, clip.occlusion_backward, ids[1:], ids[:-1], pure[:-1]),
    ]


def at_target(maps: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The maps (P, H, W) at the pixel nearest to where the flow (P, 2, H, W) leads."""
    height, width = maps.shape[-2:]
    rows, columns = np.mgrid[:height, :width]
    row = np.clip(np.rint(rows + flow[:, 1]), 0, height - 1).astype(int)
    column = np.clip(np.rint(columns + flow[:, 0]), 0, width - 1).astype(int)
    return maps[np.arange(len(maps))[:, None, None], row, column]


def literal_place(surface: Surface, u: float, v: float, frame: int) -> tuple[float, float]:
    """World position of one material point, equation by equation."""
    motion = surface.motion
    if motion.bend is not None:
        bend = motion.bend
        s = bend.steepness[0] * v + bend.shift[0]
        u = u + bend.amplitude[frame, 0] * 2 * s / (1 + s**2)
        s = bend.steepness[1] * u + bend.shift[1]
        v = v + bend.amplitude[frame, 1] * 2 * s / (1 + s**2)
    (a, b, c), (d, e, f) = motion.affine[frame]
    return a * u + b * v + c, d * u + e * v + f


def literal_locate(
    surface: Surface, x: float, y: float, frame: int, guess: tuple[float, float]
) -> np.ndarray:
    """The material point at a world position, by a root finder instead of the inverse."""

    def miss(point: np.ndarray) -> tuple[float, float]:
        there = literal_place(surface, point[0], point[1], frame)
        return there[0] - x, there[1] - y

    point = fsolve(miss, guess, xtol=1e-12, full_output=True)[0]
    assert np.abs(miss(point)).max() < 1e-10
    return point


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 80)])
def test_flow_follows_the_surface_point(seed: int, height: int, width: int) -> None:
    clip, unit = render(seed, 4, height, width), min(height, width)
    surfaces = surfaces_of(seed, 4, height, width)
    columns, rows = pixel_centres(height, width)
    picks = np.random.default_rng(seed)
    for _ in range(25):
        pair, row, column = picks.integers(3), picks.integers(height), picks.integers(width)
        x, y = columns[column], rows[row, 0]
        for start, step, flow in ((pair, 1, clip.forward), (pair + 1, -1, clip.backward)):
            surface = surfaces[clip.segmentation[start, row, column]]
            guess = surface.motion.locate(x, y, start)
            here = literal_locate(surface, x, y, start, guess)
            dx, dy = flow[pair, :, row, column].astype(np.float64) / unit
            there = literal_locate(surface, x + dx, y + dy, start + step, tuple(here))
            # Back in px through the surface's own scale: a material unit is its radius.
            scale = np.sqrt(np.linalg.det(surface.motion.affine[start, :, :2])) * unit
            assert np.abs(there - here).max() * scale < 2e-5


def round_trip_errors(seed: int, size: int) -> tuple[list, list]:
    """Round-trip errors where visible and pure: of affine surfaces, of those that bend."""
    clip, surfaces = render(seed, 6, size, size), surfaces_of(seed, 6, size, size)
    affine, bending = [], []
    for flow, opposite, hidden, ids, _, pure in directions(clip):
        error = round_trip(torch.from_numpy(flow), torch.from_numpy(opposite)).numpy()
        checked = ~hidden & at_target(pure, flow)
        for depth, surface in enumerate(surfaces):
            found = error[checked & (ids == depth)]
            (affine if surface.motion.bend is None else bending).append(found)
    return affine, bending


def test_round_trip_closes_where_visible_and_pure() -> None:
    affine, bending = zip(*(round_trip_errors(seed, 64) for seed in SEEDS))
    affine = np.concatenate([part for parts in affine for part in parts])
    bending = np.concatenate([part for parts in bending for part in parts])
    assert len(affine) > 10_000
    assert affine.max() < 5e-5
    # The truth is as exact here; looking curved flow up bilinearly is not: f''·h²/8.
    assert np.quantile(bending, 0.95) < 1e-3
    assert bending.max() < 5e-3


def test_bilinear_curvature_is_what_is_left() -> None:
    # The error of the look-up falls with the pixel's size; an error of the truth would not.
    coarse, fine = (np.concatenate(round_trip_errors(0, size)[1]).max() for size in (48, 192))
    assert coarse > 2e-4
    assert fine < coarse / 2.5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_point_is_hidden_where_a_nearer_surface_lies_on_its_target(seed: int) -> None:
    for flow, _, hidden, here, there, pure in directions(render(seed, 6)):
        _, inside = warp(torch.zeros(len(flow), 1, 64, 64), torch.from_numpy(flow))
        inside = inside.numpy()
        assert hidden[~inside].all()
        # Around a pure pixel there is no doubt which surface the target shows.
        sure = inside & at_target(pure, flow)
        seen = at_target(there, flow)
        assert sure.mean() > 0.5
        np.testing.assert_array_equal(hidden[sure], (seen > here)[sure])
        assert not (seen < here)[sure].any()


def test_pure_pixels_see_one_surface() -> None:
    clip = render(3)
    padded = np.pad(clip.segmentation, ((0, 0), (1, 1), (1, 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    expected = windows.max(axis=(-2, -1)) == windows.min(axis=(-2, -1))
    np.testing.assert_array_equal(clip.pure, expected)


def test_images_move_with_the_flow() -> None:
    # Bilinear sampling blurs fine texture a little; a wrong sign or axis is far off.
    for seed in SEEDS:
        clip = render(seed, 4)
        images = torch.from_numpy(clip.images).float()
        flow = torch.from_numpy(clip.forward)
        clear = ~clip.occlusion_forward & at_target(clip.pure[1:], clip.forward)
        clear &= clip.pure[:-1]
        true, opposite, swapped = (
            float((warp(images[1:], f)[0] - images[:-1]).abs().mean(1).numpy()[clear].mean())
            for f in (flow, -flow, flow.flip(1))
        )
        assert true < 4
        assert true < 0.6 * min(opposite, swapped)


def test_same_world_at_every_size() -> None:
    # A third of a pixel's side: every third pixel centre of the fine grid is one of the coarse.
    coarse, fine = render(5, 4, 64, 64), render(5, 4, 192, 192)
    same = coarse.segmentation == fine.segmentation[:, 1::3, 1::3]
    assert same.mean() > 0.97
    shown = np.broadcast_to(same[:-1, None], coarse.forward.shape)
    thirds = fine.forward[:, :, 1::3, 1::3] / 3
    np.testing.assert_allclose(thirds[shown], coarse.forward[shown], atol=1e-5)


def test_one_seed_one_clip() -> None:
    def digest(seed: int) -> str:
        arrays = astuple(render(seed, 3))
        return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()

    assert digest(4) == digest(4)
    assert digest(4) != digest(5)


def test_shapes_and_types() -> None:
    clip = render(1, 5, 48, 80)
    assert [(a.shape, a.dtype) for a in astuple(clip)] == [
        ((5, 3, 48, 80), np.uint8),
        ((5, 48, 80), np.uint8),
        ((4, 2, 48, 80), np.float32),
        ((4, 2, 48, 80), np.float32),
        ((4, 48, 80), np.bool_),
        ((4, 48, 80), np.bool_),
        ((5, 48, 80), np.bool_),
    ]


def test_no_closed_form_motion_model_is_the_generators_own() -> None:
    # Velocity and acceleration carried along each shape's centre both miss its next displacement.
    steps, misses = [], {1: [], 2: []}
    for seed in range(40):
        for shape in draw_world(seed, 8, 64, 64).shapes:
            frames = np.arange(8)
            centre = np.stack(shape.motion.place(np.zeros(8), np.zeros(8), frames)) * 64
            steps.append(np.hypot(*np.diff(centre)).mean())
            for order in misses:
                misses[order].append(np.hypot(*np.diff(centre, order + 1)).mean())
    assert 1 < np.median(steps) < 6
    assert np.median(misses[1]) > 0.5
    assert np.median(misses[2]) > 0.25
    assert min(misses[2]) > 0.01


def test_worlds_are_varied() -> None:
    clips = [render(seed, 3) for seed in range(30)]
    cover = np.array([(clip.segmentation > 0).mean() for clip in clips])
    hidden = np.array([clip.occlusion_forward.mean() for clip in clips])
    assert all((clip.segmentation[1] > 0).any() for clip in clips)
    assert 0.1 < cover.mean() < 0.4
    assert cover.std() > 0.05
    assert 0.03 < hidden.mean() < 0.2
    shapes = [shape for seed in range(30) for shape in draw_world(seed, 3, 64, 64).shapes]
    bending = np.mean([shape.motion.bend is not None for shape in shapes])
    assert 0.3 < bending < 0.7


def test_davis_members_read_back() -> None:
    clip, members = render(2, 3), {}
    write_davis(clip, "two", members.__setitem__)
    expected = [
        *(f"JPEGImages/480p/two/{t:05d}.jpg" for t in range(3)),
        *(f"Annotations/480p/two/{t:05d}.png" for t in range(3)),
        *(f"Flow/{way}/two/{t + k:05d}.flo" for k, way in enumerate(WAYS) for t in range(2)),
        *(f"Occlusion/{way}/two/{t + k:05d}.png" for k, way in enumerate(WAYS) for t in range(2)),
    ]
    assert sorted(members) == sorted(expected)
    for t in range(3):
        picture = read_image(members[f"JPEGImages/480p/two/{t:05d}.jpg"]).astype(int)
        assert np.abs(picture - clip.images[t]).mean() < 6
        ids = read_segmentation(members[f"Annotations/480p/two/{t:05d}.png"])
        np.testing.assert_array_equal(ids, clip.segmentation[t])
    for t in range(2):
        for k, way in enumerate(WAYS):
            name = f"{way}/two/{t + k:05d}"
            flow = decode_flo(members[f"Flow/{name}.flo"], name)
            np.testing.assert_array_equal(flow, getattr(clip, way)[t])
            hidden = read_segmentation(members[f"Occlusion/{name}.png"])
            np.testing.assert_array_equal(hidden, getattr(clip, f"occlusion_{way}")[t])


WAYS = ("forward", "backward")
