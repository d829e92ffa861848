"""Literal float64 references of part 2's losses: one pixel at a time, plain numbers."""

import math

import numpy as np

from losses_reference import followed


def composited(p: np.ndarray, q: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """(T, 2, 2, H, W) twice and bool (T, H, W): predicted in the hole, true elsewhere."""
    return np.where(hole[:, None, None], p, q)


def weighted_l1(p: np.ndarray, q: np.ndarray, where: np.ndarray, weight: np.ndarray) -> float:
    """Mean over both directions of the pixels (t, i, j) that count."""
    total, count = 0.0, 0
    for t, i, j in zip(*where.nonzero()):
        for direction in range(2):
            dx, dy = p[t, direction, :, i, j] - q[t, direction, :, i, j]
            total += weight[t, i, j] * (abs(dx) + abs(dy))
            count += 1
    return total / max(count, 1)


def smaller_trips(flows: np.ndarray) -> dict[int, np.ndarray]:
    """Frame t, counted from 0 -> (H, W), for the frames between the first and the last."""
    trips = {}
    for t in range(1, len(flows) - 1):
        (f, b), before, after = flows[t], flows[t - 1], flows[t + 1]
        ahead = np.hypot(*(f + followed(after[1], f)))
        back = np.hypot(*(b + followed(before[0], b)))
        trips[t] = np.minimum(ahead, back)
    return trips


def min_round_trip(flows: np.ndarray, where: np.ndarray) -> float:
    """(T, 2, 2, H, W) and bool (T, H, W)."""
    errors = [trip[i, j] for t, trip in smaller_trips(flows).items() for i, j in _in(where[t])]
    return float(np.mean(errors)) if errors else 0.0


def total_variation(a: np.ndarray, hole: np.ndarray) -> float:
    """(T, 2, 2, H, W) and bool (T, H, W): steps with an end in the hole, by its pixels."""
    total = 0.0
    for t, direction, component in np.ndindex(a.shape[:3]):
        one, inside = a[t, direction, component], hole[t]
        for i, j in np.ndindex(one.shape):
            ahead = [(i, j + 1), (i + 1, j)]
            ahead = [x for x in ahead if x[0] < one.shape[0] and x[1] < one.shape[1]]
            if inside[i, j] or any(inside[x] for x in ahead):
                total += math.hypot(*(one[x] - one[i, j] for x in ahead)) / 2
    return total / max(int(hole.sum()), 1)


def _in(where: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(*where.nonzero()))
