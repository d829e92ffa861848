"""Smooth fill: the harmonic interpolation of the hole's border (report 2.1.2, 3.3.3)."""

import numpy as np

from flowmend.fills.frames import fill_frames
from flowmend.fills.least_energy import MEMBRANE, least_energy
from flowmend.fills.multigrid import Grid, VCycle

# One factorisation is cheaper than multigrid in a tiny hole, and where many fields share one that
# is not huge. The two agree to 1e-4 px.
_TINY_HOLE_PIXELS = 1024
_HUGE_HOLE_PIXELS = 65536
_MANY_FIELDS = 8

_TOLERANCE_PX = 2e-4
_MOST_CYCLES = 200
_BLOCK_PIXELS = 1 << 17  # fields are solved together while they fit in the cache
_NEARLY_0 = np.float32(1e-30)


def fill_smooth(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill each component of each frame with the harmonic values of the hole's border.

    Every hole pixel is the mean of its neighbours in the frame (5-point Laplace equation):
    Dirichlet values on the hole's border, Neumann where the hole meets the frame's edge. Small
    holes are solved exactly, large ones to about 1e-4 px by multigrid, many times faster than a
    sparse factorisation (docs/benchmarks/smooth_fill.csv).

    Args:
        flow: (…, 2, H, W), px; what is in the hole is not read.
        hole: (H, W), or one a frame (…, H, W), bool.

    Returns:
        float32 (…, 2, H, W), equal to ``flow`` outside the hole, 0 in a frame that is all hole.

    Raises:
        ArithmeticError: no convergence, because the flow is not finite.
    """
    return fill_frames(flow, hole, _solve)


def _solve(fields: np.ndarray, hole: np.ndarray) -> np.ndarray:
    pixels = np.count_nonzero(hole)
    shared = len(fields) >= _MANY_FIELDS and pixels <= _HUGE_HOLE_PIXELS
    if shared or pixels <= _TINY_HOLE_PIXELS:
        return least_energy(fields, hole, MEMBRANE)
    return multigrid(fields, hole)


def multigrid(fields: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Harmonic values (n, P) of the fields (n, H, W) in the hole's P pixels."""
    unknown, frame, known = _window(fields, hole)
    border = _neighbours(frame & ~unknown) * unknown
    grid = Grid(unknown, frame, 1.0, 1.0, border)
    # Solving for the difference from mid-range keeps a constant flow exact.
    touching = known[:, (_neighbours(unknown) > 0) & frame & ~unknown]
    middle = (touching.min(axis=1) / 2 + touching.max(axis=1) / 2)[:, None, None]
    load = _neighbours(np.where(frame & ~unknown, known - middle, 0.0)) * unknown
    cycle, block = VCycle(grid), max(1, _BLOCK_PIXELS // unknown.size)
    solved = [
        _conjugate_gradients(grid, cycle, load[at : at + block].astype(np.float32))
        for at in range(0, len(load), block)
    ]
    return np.concatenate(solved)[:, unknown] + middle[:, 0]


def _conjugate_gradients(grid: Grid, cycle: VCycle, load: np.ndarray) -> np.ndarray:
    """Displacement (n, h, w) under ``load``; each field has its own step lengths."""
    u, residual = np.zeros_like(load), load
    correction = cycle(residual)
    direction, descent = correction.copy(), _dot(residual, correction)
    for _ in range(_MOST_CYCLES):
        force = grid.force(direction)
        step = descent / np.maximum(_dot(direction, force), _NEARLY_0)
        u += step * direction
        residual = residual - step * force
        correction = cycle(residual)
        if np.abs(correction).max() < _TOLERANCE_PX:
            return u + correction
        before, descent = descent, _dot(residual, correction)
        direction *= descent / np.maximum(before, _NEARLY_0)
        direction += correction
    raise ArithmeticError("the smooth fill does not converge: is the flow finite?")


def _window(fields: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hole, frame and fields on the hole's bounding box with a ring of one pixel around it."""
    spans = (np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0)))
    rows, columns = (np.arange(at[0] - 1, at[-1] + 2) for at in spans)
    exists = (rows >= 0) & (rows < hole.shape[0]), (columns >= 0) & (columns < hole.shape[1])
    frame = exists[0][:, None] & exists[1]
    at = np.ix_(rows.clip(0, hole.shape[0] - 1), columns.clip(0, hole.shape[1] - 1))
    return hole[at] & frame, frame, fields[:, at[0], at[1]].astype(np.float64)


def _neighbours(a: np.ndarray) -> np.ndarray:
    """Sum of the four neighbours, 0 beyond the array."""
    total = np.zeros(a.shape)
    total[..., 1:, :] += a[..., :-1, :]
    total[..., :-1, :] += a[..., 1:, :]
    total[..., 1:] += a[..., :-1]
    total[..., :-1] += a[..., 1:]
    return total


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nij->n", a, b)[:, None, None]
