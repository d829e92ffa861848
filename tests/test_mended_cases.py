"""The clips of figures are chosen by rule: ranks, crossed holes, words of experiments."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from flowmend.errors import InputError
from flowmend.params import EXPERIMENT
from flowmend.stages.drawings.drawing import Study
from flowmend.stages.drawings.experiment_words import contest_words, lambda_words, network_words
from flowmend.stages.drawings.joint import _longest_edges
from flowmend.stages.drawings.mended_cases import (
    at_share,
    crossed_by_error,
    hidden_edges,
    is_crossed,
    shown_frame,
)

FLOW = {
    "study": "s",
    "network": "unet",
    "fill": "smooth",
    "output": "direct",
    "setup": "middle_two",
    "losses": {"l1": 1.0},
}


class _Clips:
    """Holes of 4×6 px; clip k has k edge pixels in it, in every frame."""

    def __init__(self, edges: dict[str, int]) -> None:
        self._edges = edges

    @property
    def names(self) -> list[str]:
        return sorted(self._edges)

    def hole(self, name: str, shape: str) -> np.ndarray:
        hole = np.zeros((16, 16), bool)
        hole[2:6, 3:9] = True
        return hole

    def edges(self, name: str, source: str) -> np.ndarray:
        assert source == "flow"
        edges = np.zeros((6, 16, 16), bool)
        places = np.argwhere(self.hole(name, ""))[: self._edges[name]]
        edges[:, *places.T] = True
        edges[:, 12:] = True  # outside the hole: they do not count
        return edges


def _study(tmp_path: Any, edges: dict[str, int], errors: dict[str, float]) -> Study:
    lines = ["method,kind,seed,setup,clip,hole,direction,hole_pixels,epe_hole_px,epe_full_px,"]
    lines[0] += "epe_edge_px,fb_px"
    for clip, error in errors.items():
        for direction, value in (("forward", error), ("backward", 9 - error)):
            lines.append(f"a,network,0,middle_two,{clip},rectangle,{direction},24,{value},1,1,1")
        lines.append(f"a,network,0,all_frames,{clip},rectangle,forward,24,{9 - error},1,1,1")
    (tmp_path / "results.csv").write_text("\n".join(lines) + "\n")
    block = EXPERIMENT.validate_python(FLOW)
    study = SimpleNamespace(
        clips=_Clips(edges),
        frames=6,
        layout=SimpleNamespace(results=tmp_path / "results.csv"),
        params=SimpleNamespace(experiment=lambda name: block),
    )
    return cast(Study, study)


@pytest.mark.parametrize(("share", "place"), [(0.0, 0), (0.5, 1), (1 / 3, 1), (1.0, 3)])
def test_share_picks_by_rank(share: float, place: int) -> None:
    cases = [(str(k), "rectangle") for k in range(4)]
    assert at_share(cases, share) == cases[place]


@pytest.mark.parametrize(("edges", "crossed"), [(0, False), (3, False), (4, True), (20, True)])
def test_a_hole_is_crossed_by_as_many_edge_pixels_as_its_shorter_side(
    tmp_path: Any, edges: int, crossed: bool
) -> None:
    study = _study(tmp_path, {"c": edges}, {})
    assert hidden_edges(study, ("c", "rectangle"), 3)[1].sum() == edges
    assert is_crossed(study, ("c", "rectangle"), shown_frame(study)) == crossed


def test_cases_are_ordered_by_the_forward_error_in_the_experiments_own_setup(
    tmp_path: Any,
) -> None:
    edges = {"a": 9, "b": 9, "c": 0, "d": 9}
    study = _study(tmp_path, edges, {"a": 3.0, "b": 1.0, "c": 0.5, "d": 2.0})
    assert [clip for clip, _ in crossed_by_error(study, "a")] == ["b", "d", "a"]


def test_no_crossed_hole_is_an_error(tmp_path: Any) -> None:
    with pytest.raises(InputError, match="has no case of a"):
        crossed_by_error(_study(tmp_path, {"c": 0}, {"c": 1.0}), "a")


def test_longest_edges_come_from_different_clips(tmp_path: Any) -> None:
    study = _study(tmp_path, {"a": 3, "b": 8, "c": 5}, {})
    found = _longest_edges(study, ("rectangle", "ellipse"), 3)
    assert [clip for clip, _ in found] == ["b", "c"]


def test_words() -> None:
    block = EXPERIMENT.validate_python({**FLOW, "losses": {"l1": 1.0, "patchgan": 0.1}})
    assert lambda_words(block) == "λ = (1, 0, 0.1)"
    assert network_words(EXPERIMENT.validate_python({**FLOW, "network": "unet_warp"})) == (
        "U-Net + warping module"
    )
    assert network_words(EXPERIMENT.validate_python({**FLOW, "coordinates": True})) == (
        "CoordConv U-Net"
    )
    joint = EXPERIMENT.validate_python({**FLOW, "edges": True})
    assert contest_words(joint).startswith("flow and edges")
