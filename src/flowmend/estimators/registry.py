"""Estimators by the names that ``flow.estimator`` knows.

Torch and the networks are imported when one is asked for: the others start without.
"""

from pathlib import Path

from flowmend.errors import InputError
from flowmend.estimators import Estimator, PairEstimator, dis, exact, pair_by_pair

PAIR_BY_PAIR: dict[str, PairEstimator] = {
    "exact": exact.read,
    "dis": dis.estimate_frames,
}
"""What needs no weights and no batches."""


def estimator(
    name: str,
    checkpoint: str | Path | None = None,
    device: str = "cpu",
    precision: str = "32-true",
    batch: int = 4,
) -> Estimator:
    """An estimator; what follows the name is for networks alone.

    Args:
        name: of :data:`PAIR_BY_PAIR` or :data:`flowmend.estimators.flownet2.NETWORKS`.
        checkpoint: a network's weights; by default where ``flowmend weights add`` keeps them.
        device: "cpu" or "cuda".
        precision: "32-true", "bf16-mixed" or "16-mixed".
        batch: pairs of frames at once.

    Raises:
        InputError: no such estimator or device, or the weights are missing, damaged or of another
            network.
    """
    if name in PAIR_BY_PAIR:
        return pair_by_pair(PAIR_BY_PAIR[name])
    from flowmend.estimators.flownet2 import NETWORKS
    from flowmend.estimators.network import network_estimator

    if name not in NETWORKS:
        one_of = f"one of {', '.join((*PAIR_BY_PAIR, *NETWORKS))}"
        raise InputError("flow.estimator", f"has no {name!r}", one_of)
    return network_estimator(NETWORKS[name], name, checkpoint, device, precision, batch)
