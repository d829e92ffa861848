"""Literal float64 references of the losses: one pixel at a time, plain numbers."""

import math

import numpy as np


def clip(seed: int, *shape: int) -> np.ndarray:
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


def look_up(a: np.ndarray, x: float, y: float) -> np.ndarray:
    """Bilinear value of (2, H, W) at a position, clamped to the frame."""
    height, width = a.shape[-2:]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    j, i = min(int(x), width - 2), min(int(y), height - 2)
    u, v = x - j, y - i
    top = (1 - u) * a[:, i, j] + u * a[:, i, j + 1]
    return (1 - v) * top + v * ((1 - u) * a[:, i + 1, j] + u * a[:, i + 1, j + 1])


def followed(a: np.ndarray, f: np.ndarray) -> np.ndarray:
    """``a(x + f(x))``, (2, H, W)."""
    found = np.empty_like(a)
    for i, j in np.ndindex(a.shape[1:]):
        found[:, i, j] = look_up(a, j + f[0, i, j], i + f[1, i, j])
    return found


def forward_backward(flows: np.ndarray) -> np.ndarray:
    """(T, 2, 2, H, W) to (T − 1, H, W)."""
    return np.stack(
        [
            np.hypot(*(flows[t, 0] + followed(flows[t + 1, 1], flows[t, 0])))
            for t in range(len(flows) - 1)
        ]
    )


def jacobian_norm(a: np.ndarray) -> np.ndarray:
    """Norm of all four derivatives, (H, W): central within, one-sided at the border."""
    height, width = a.shape[1:]
    norm = np.empty((height, width))
    for i, j in np.ndindex(height, width):
        left, right = max(j - 1, 0), min(j + 1, width - 1)
        up, down = max(i - 1, 0), min(i + 1, height - 1)
        along_x = (a[:, i, right] - a[:, i, left]) / (right - left)
        along_y = (a[:, down, j] - a[:, up, j]) / (down - up)
        norm[i, j] = math.sqrt(float((along_x**2).sum() + (along_y**2).sum()))
    return norm


def spatio_temporal(flows: np.ndarray) -> np.ndarray:
    """(T, 2, 2, H, W) to (2 directions, T − 1, H, W)."""
    forward, backward = flows[:, 0], flows[:, 1]
    steps = range(len(flows) - 1)
    ahead = [followed(forward[t + 1], forward[t]) - forward[t] for t in steps]
    back = [followed(backward[t], backward[t + 1]) - backward[t + 1] for t in steps]
    return np.stack([[jacobian_norm(a) for a in ahead], [jacobian_norm(a) for a in back]])


def lateral_dependency(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """(2, H, W) twice to (H, W)."""
    errors = np.zeros(p.shape[1:])
    for i, j in np.ndindex(errors.shape):
        for above, left in ((1, 0), (0, 1)):
            if i >= above and j >= left:
                k, m = i - above, j - left
                of_p = np.hypot(*(p[:, i, j] - p[:, k, m]))
                errors[i, j] += abs(of_p - np.hypot(*(q[:, i, j] - q[:, k, m])))
    return errors


def lateral_dependency_of_clip(p: np.ndarray, q: np.ndarray, _: np.ndarray) -> np.ndarray:
    """(T, 2, 2, H, W) twice to (T, 2, H, W)."""
    pairs = [[lateral_dependency(a, b) for a, b in zip(*both)] for both in zip(p, q)]
    return np.stack([np.stack(frame) for frame in pairs])


def edge_agreement(e: np.ndarray, flows: np.ndarray, threshold: float) -> np.ndarray:
    """(T, H, W) and (T, 2, 2, H, W) to (T, H, W): the three demands' loss, forward flow only."""
    errors = np.empty(e.shape)
    norms = [jacobian_norm(frame[0]) for frame in flows]
    for t, i, j in np.ndindex(*e.shape):
        flat = math.exp(-norms[t][i, j] / threshold)
        errors[t, i, j] = (1 - e[t, i, j]) * (1 - flat) + e[t, i, j] * flat
    return errors
