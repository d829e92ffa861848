"""Test clips of a scale: where their flow is estimated, rendered clips are judged by the truth."""

from pathlib import Path

import numpy as np
import pytest

from flowmend.datasets.moving_shapes import render
from flowmend.params import Params
from flowmend.stages.held_out_clips import held_out_clips
from flowmend.stages.held_out_files import HeldOutFiles
from held_out_project import FRAMES, LAYOUT, SCALE, SIZE, make, settings, write_sequence


@pytest.fixture
def given(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Four rendered clips, flow estimated; of the last one only frames and masks are there."""
    make(tmp_path, monkeypatch, estimator="dis")
    write_sequence(3, lambda member: not member.startswith(("Flow", "Occlusion")))
    return settings(project)


def _truth(seed: int) -> np.ndarray:
    """(T, 2 directions, 2, H, W); flow frame t is video frame t + 1, backward flow begins there."""
    rendered = render(seed, FRAMES + 2, SIZE, SIZE)
    return np.stack([rendered.forward[1:], rendered.backward[:-1]], axis=1)


def test_estimated_clips_bring_the_truth_where_it_is_known(given: Params) -> None:
    clips = held_out_clips(given.at(SCALE), LAYOUT)
    with HeldOutFiles(LAYOUT) as files:
        for seed, held_out in enumerate(clips):
            assert held_out.clip.name == f"clip_{seed}"
            flow = files.flow(f"clip_{seed}", FRAMES)
            assert (held_out.clip.forward[0].numpy() == flow[:, 0]).all()
            if seed < 3:
                assert held_out.exact is not None
                assert (held_out.exact.movedim(0, 1).numpy() == _truth(seed)).all()
    assert clips[3].exact is None


def test_exact_clips_are_their_own_truth(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, monkeypatch)
    clips = held_out_clips(settings(project).at(SCALE), LAYOUT)
    assert [clip.exact for clip in clips] == [None] * 4


@pytest.mark.usefixtures("given")
def test_figures_show_the_truth_in_the_hole() -> None:
    hidden = np.zeros((FRAMES, SIZE, SIZE), bool)
    hidden[1:-1, 4:9, 4:9] = True
    with HeldOutFiles(LAYOUT) as files:
        flow, judged = files.flow("clip_1", FRAMES), files.judged_flow("clip_1", hidden)
        footage = files.judged_flow("clip_3", hidden)
        assert (footage == files.flow("clip_3", FRAMES)).all()
    by_pixel = (0, 3, 4, 1, 2)
    np.testing.assert_array_equal(
        judged.transpose(by_pixel)[hidden], _truth(1).transpose(by_pixel)[hidden]
    )
    np.testing.assert_array_equal(
        judged.transpose(by_pixel)[~hidden], flow.transpose(by_pixel)[~hidden]
    )
    assert judged.dtype == np.float32
