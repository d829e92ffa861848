"""Experiments of the refinement and their rows, with effects that a test chooses."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from flowmend.evaluation.tasks import TaskRow
from synthetic_evidence import clip_rows

STEPS = 3
PLAIN: dict[str, Any] = {
    "study": "refinement",
    "task": "iterative",
    "fill": "biharmonic",
    "setup": "all_frames",
    "rule": "power_mean",
    "architecture": 1,
    "convolution": "partial",
    "neighbours": "warped",
    "differences": False,
    "schedule": "eq4",
    "losses": {"inpaint_l1": 1.0},
    "confidence_weighted": False,
    "backpropagation": "per_step",
    "hole_shapes": None,
}
CHANGES: dict[str, dict[str, Any]] = {
    "refine": {},
    "refine_mean": {"rule": "mean"},
    "refine_polynomial": {"rule": "polynomial"},
    "refine_eq3_read": {"schedule": "eq3_read"},
    "refine_eq3_printed": {"schedule": "eq3_printed"},
    "refine_last_step": {"schedule": "last_step_only"},
    "refine_weighted": {"confidence_weighted": True},
    "refine_round_trip": {"losses": {"inpaint_l1": 1.0, "min_round_trip": 0.1}},
    "refine_gated": {"convolution": "gated"},
    "refine_splat": {"neighbours": "splatted"},
    "refine_differences": {"differences": True},
    "refine_splat_differences": {"neighbours": "splatted", "differences": True},
    "refine_sandwich": {"setup": "sandwich"},
    "refine_tv_sandwich": {
        "setup": "sandwich",
        "losses": {"inpaint_l1": 1.0, "total_variation": 0.1},
    },
}


def blocks(*names: str) -> dict[str, dict[str, Any]]:
    """These experiments, or all, as the report stage sees them."""
    return {name: PLAIN | CHANGES[name] for name in names or CHANGES}


def by_step(method: str, metric: str, values: Mapping[int | str, float]) -> Iterator[TaskRow]:
    """A metric at steps, and the truth's under ``truth``."""
    conditions = {k if isinstance(k, str) else f"step {k}": v for k, v in values.items()}
    yield from clip_rows("refinement", method, conditions, metric, 0)


def parts(values: Mapping[tuple[str, str], float]) -> Iterator[TaskRow]:
    """Round trips of the true flow by part of the frame and metric."""
    for (where, metric), value in values.items():
        yield from clip_rows("round_trip_parts", "truth", {where: value}, metric)


def curves(seeds: int = 1, **final: float) -> pd.DataFrame:
    """Curves of these readings that start at nothing and end where told, seed 1 a bit further."""
    steps = np.arange(5)
    whole = [
        pd.DataFrame({"step": steps, "loss": 1.0, "seed": seed}).assign(
            **{name: steps / 4 * value * (1 + 0.01 * seed) for name, value in final.items()}
        )
        for seed in range(seeds)
    ]
    return pd.concat(whole, ignore_index=True)


def storage(share: float, error_px: float) -> pd.DataFrame:
    """Two lines of ``docs/benchmarks/flow_archive.csv``."""
    rows = [("report", share, share + 1, error_px), ("fast", 6.0, 7.0, 0.0078)]
    return pd.DataFrame(
        rows, columns=["codec", "share_percent", "worst_share_percent", "max_error_px"]
    )
