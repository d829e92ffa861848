"""Fields of least quadratic energy: one sparse factorisation per hole, shared by its fields.

An energy is a sum of squared finite differences over every place of the frame where the
difference's stencil fits, so that the edge of the frame is a natural (free) boundary.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

# A stencil: (row offset, column offset, weight), offsets ≥ 0.
Stencil = tuple[tuple[int, int, float], ...]

MEMBRANE: tuple[Stencil, ...] = (
    ((0, 0, -1.0), (0, 1, 1.0)),
    ((0, 0, -1.0), (1, 0, 1.0)),
)


def least_energy(fields: np.ndarray, hole: np.ndarray, stencils: tuple[Stencil, ...]) -> np.ndarray:
    """Values in the hole that minimise Σ_stencils Σ_places (stencil · field)².

    Args:
        fields: (n, H, W); read outside the hole only.
        hole: (H, W) bool, neither empty nor everything.
        stencils: the finite differences whose squares are summed.

    Returns:
        float64 (n, P), in C order of the hole's P pixels.
    """
    difference = sparse.vstack([_difference(hole, stencil) for stencil in stencils]).tocsc()
    unknown, known = np.flatnonzero(hole), np.flatnonzero(~hole)
    of_hole = difference[:, unknown]
    data = fields.reshape(len(fields), -1)[:, known].astype(np.float64)
    force = -(of_hole.T @ (difference[:, known] @ data.T))
    factors = splu(
        (of_hole.T @ of_hole).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,  # symmetric and positive definite: no pivoting
        options={"SymmetricMode": True},
    )
    return factors.solve(force).T


def _difference(hole: np.ndarray, stencil: Stencil) -> sparse.coo_array:
    """Sparse (places, pixels) matrix of one stencil, places that see the hole only."""
    height, width = hole.shape
    tall = height - max(row for row, _, _ in stencil)
    wide = width - max(column for _, column, _ in stencil)
    sees = np.zeros((max(tall, 0), max(wide, 0)), bool)
    for row, column, _ in stencil:
        sees |= hole[row : row + tall, column : column + wide]
    at_row, at_column = np.nonzero(sees)
    places = np.arange(len(at_row))
    pixels = [(at_row + row) * width + at_column + column for row, column, _ in stencil]
    weights = [np.full(len(places), weight) for _, _, weight in stencil]
    return sparse.coo_array(
        (np.concatenate(weights), (np.tile(places, len(stencil)), np.concatenate(pixels))),
        shape=(len(places), hole.size),
    )
