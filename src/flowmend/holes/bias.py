"""Where holes are put: mostly where the flow changes (report, 2.1.3)."""

import numpy as np

from flowmend.errors import InputError

_MEAN_SHARE = 0.1  # of all positions: i ~ Exp(mean N / 10)


def place(pattern: np.ndarray, flow: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put a pattern at a random place of the frame, biased to strong Jacobians.

    The N positions are the pixels that can be the pattern's centre with at least one known pixel
    left on every side. They are sorted by the Jacobian norm of the flow, strongest first, ties in
    random order; the i-th is taken, i ~ Exp(mean N/10), drawn anew while i ≥ N.

    Args:
        pattern: bool (h, w).
        flow: forward flow of the clip's first flow frame, (2, H, W), px.
        rng: source of chance.

    Returns:
        bool (H, W).

    Raises:
        InputError: the pattern is too large for the frame.
    """
    (height, width), (h, w) = flow.shape[-2:], pattern.shape
    tops, lefts = height - h - 1, width - w - 1
    if tops < 1 or lefts < 1:
        raise InputError(
            "holes.max_side_px",
            f"a hole of {w}×{h} px leaves no known pixel around it in {width}×{height} px",
            "choose smaller holes or larger frames",
        )
    strength = jacobian_norm(flow)[1 + h // 2 :, 1 + w // 2 :][:tops, :lefts]
    top, left = np.unravel_index(biased_position(strength, rng), strength.shape)
    hole = np.zeros((height, width), bool)
    hole[1 + top : 1 + top + h, 1 + left : 1 + left + w] = pattern
    return hole


def biased_position(strength: np.ndarray, rng: np.random.Generator) -> int:
    """Flat index of a position, ``i ~ Exp(N/10)`` places down from the strongest."""
    values = strength.ravel()
    shuffled = rng.permutation(len(values))
    order = shuffled[np.argsort(-values[shuffled], kind="stable")]
    while (i := int(rng.exponential(_MEAN_SHARE * len(values)))) >= len(values):
        pass
    return int(order[i])


def jacobian_norm(flow: np.ndarray) -> np.ndarray:
    """Frobenius norm (H, W) of the Jacobian of a flow (2, H, W), px per px.

    The map of ``geometry.derivatives``, in numpy: the stages that draw holes need no torch.
    """
    along_y, along_x = np.gradient(flow.astype(np.float64), axis=(-2, -1))
    return np.sqrt((along_x**2 + along_y**2).sum(axis=0))
