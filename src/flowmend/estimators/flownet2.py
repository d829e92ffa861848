"""FlowNet2 (Ilg et al., CVPR 2017), the report's estimator: named, but not yet readable."""

import numpy as np

from flowmend.errors import InputError
from flowmend.estimators.clip_frames import ClipFrames


def estimate_frames(clip: ClipFrames, source: int, target: int) -> np.ndarray:
    """Refuse: the network needs its official weights, which this version cannot read.

    Raises:
        InputError: always.
    """
    raise InputError(
        "params.yaml: flow.estimator",
        "flownet2 needs its official weights, which this version of flowmend cannot read yet",
        "set flow.estimator to dis",
    )
