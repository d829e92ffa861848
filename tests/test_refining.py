"""What a refinement is trained on: the batches of all trainings, laid out frame by frame."""

from pathlib import Path

import torch

from flowmend.training.batches import Batches
from flowmend.training.refining import Refining
from training_clips import SHAPES, clip_set


def test_batches_lie_frame_by_frame(tmp_path: Path) -> None:
    batches = Batches(clip_set(tmp_path), SHAPES, "smooth", "all_frames", size=2, seed=0)
    problem = Refining(batches, ["inpaint_l1"], confidence_weighted=False)
    for found, batch in zip(problem.between(3, 5), batches.between(3, 5), strict=True):
        for flows, expected in ((found.truth, batch.truth), (found.filled, batch.filled)):
            assert torch.equal(flows, expected)
            frames = flows.flatten(2, 3).flatten(0, 1)
            assert frames.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(found.hole, batch.hole)
        assert found.hole.is_contiguous()
