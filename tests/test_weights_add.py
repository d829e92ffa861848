"""``flowmend weights add``, in a project with DVC, and what the pipeline makes of the weights."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from flowmend import cli
from flowmend.edges.hed import HED
from flowmend.errors import InputError
from flowmend.io.foreign_checkpoint import read_checkpoint, verify
from flowmend.io.weights import PUBLISHED, load_network, read_weights, shapes_of
from flowmend.stages import weights
from pipeline_project import SCALE, copy_project, must_run, run, workflow_module
from published_weights import TinyFlow, tensors_of

NAME = "flownet2_s"
KEPT = Path("weights", "flow", f"{NAME}.safetensors")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def project(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project without weights, entered, where a tiny network has FlowNet2-S's name."""
    monkeypatch.chdir(copy)
    monkeypatch.setitem(weights.CATALOGUE, NAME, weights.Entry(TinyFlow))
    yield copy
    for path in (copy / "weights").rglob("*.*"):
        if path.name != "README.md":
            path.unlink()


def _published(path: Path, seed: int = 0) -> Path:
    tensors = tensors_of(TinyFlow)
    torch.save({"state_dict": {name: t + seed for name, t in tensors.items()}}, path)
    return path


def _synthetic(name: str) -> dict[str, torch.Tensor]:
    """Tensors of a published network's shapes, each with a single number in memory."""
    shapes = shapes_of(weights.CATALOGUE[name].build)
    return {key: torch.full((1,), 0.5).expand(shape) for key, shape in shapes.items()}


def test_every_published_network_can_be_added() -> None:
    assert weights.CATALOGUE.keys() == PUBLISHED.keys()


@pytest.mark.parametrize("name", list(weights.CATALOGUE))
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_synthetic_checkpoint_of_the_right_shapes(tmp_path: Path, name: str, zipped: bool):
    path, shapes = tmp_path / "a.pth.tar", shapes_of(weights.CATALOGUE[name].build)
    torch.save({"state_dict": _synthetic(name)}, path, _use_new_zipfile_serialization=zipped)
    found = read_checkpoint(path)
    assert {key: tensor.shape for key, tensor in found.items()} == shapes
    last = list(shapes)[-1]
    for change, message in (
        ({last: torch.ones(7)}, f"tensor {last} of another shape"),
        ({"fc.weight": torch.ones(1)}, r"has tensor fc\.weight, which the network has not"),
    ):
        with pytest.raises(InputError, match=message):
            verify(found | change, shapes, path)
    found.pop(last)
    with pytest.raises(InputError, match=f"misses tensor {last}; "):
        verify(found, shapes, path)
    verify(_synthetic(name), shapes, path)


class TestAdd:
    def test_converts_records_and_tracks(self, project: Path, tmp_path: Path) -> None:
        file = _published(tmp_path / "checkpoint.pth.tar")
        said = weights.add(NAME, file)
        assert said == (
            f"{KEPT}: 4 tensors, 230 parameters; for git: "
            f"weights/flow/{NAME}.json and weights/flow/{NAME}.safetensors.dvc"
        )
        found = read_weights(KEPT, shapes_of(TinyFlow))
        assert all(torch.equal(found[k], t) for k, t in tensors_of(TinyFlow).items())
        record = json.loads(KEPT.with_suffix(".json").read_text())
        assert record["published"] == "https://github.com/NVIDIA/flownet2-pytorch"
        assert record["network"] == NAME
        status = ["git", "status", "--short", "--untracked-files=all", "weights"]
        listed = subprocess.run(status, check=True, capture_output=True, text=True).stdout
        assert f"{NAME}.safetensors.dvc\n" in listed
        assert f"{NAME}.json\n" in listed
        assert f"{NAME}.safetensors\n" not in listed

    def test_the_record_says_which_file_it_must_be(self, project: Path, tmp_path: Path) -> None:
        """The record comes with the repository, the weights do not."""
        said = weights.add(NAME, _published(tmp_path / "one.pth"))
        before = {path: path.read_bytes() for path in KEPT.parent.iterdir()}
        KEPT.unlink()
        other = _published(tmp_path / "other.pth", seed=1)
        with pytest.raises(InputError, match=rf"other\.pth: is not the file that .*{NAME}\.json"):
            weights.add(NAME, other)
        assert not KEPT.exists()
        assert weights.add(NAME, tmp_path / "one.pth") == said
        assert {path: path.read_bytes() for path in KEPT.parent.iterdir()} == before
        KEPT.with_suffix(".json").unlink()
        weights.add(NAME, other)

    @pytest.mark.pipeline
    def test_both_front_ends_see_weights(self, project: Path, tmp_path: Path) -> None:
        dag = workflow_module("dag")
        item = {"scale": SCALE, "split": "test", "shard": "0"}
        before = dag.Dag(SCALE, project).inputs("flow", item)
        assert "weights/flow/README.md" in before
        weights.add(NAME, _published(tmp_path / "checkpoint.pth.tar"))
        added = {f"{KEPT}", f"{KEPT}.dvc", f"{KEPT.with_suffix('.json')}"}
        assert set(dag.Dag(SCALE, project).inputs("flow", item)) == {*before, *added}
        must_run(project, "snakemake", "--dryrun", "--quiet", "all")
        status = json.loads(must_run(project, "dvc", "status", "--json"))
        assert "weights/flow" in status[f"flow@{SCALE}-test-0"][0]["changed deps"]

    def test_older_names_of_hed(self, project: Path, tmp_path: Path) -> None:
        older = {key.replace("net", "module", 1): t for key, t in _synthetic("hed").items()}
        torch.save(older, tmp_path / "hed.pytorch")
        weights.add("hed", tmp_path / "hed.pytorch")
        network = load_network(HED, "hed")
        assert all((parameter == 0.5).all() for parameter in network.parameters())

    @pytest.mark.parametrize(
        ("name", "message"),
        [("raft", "knows no 'raft'; choose one of flownet2, "), ("flownet2", "misses tensor ")],
    )
    def test_the_command_is_one_line_when_it_refuses(
        self, project: Path, tmp_path: Path, monkeypatch, capsys, name: str, message: str
    ) -> None:
        file = str(_published(tmp_path / "checkpoint.pth.tar"))
        monkeypatch.setattr("sys.argv", ["flowmend", "weights", "add", name, file])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert stopped.value.code == 2
        shown = capsys.readouterr().err
        assert message in shown
        assert shown.count("\n") == 1
        assert [path.name for path in Path("weights/flow").iterdir()] == ["README.md"]

    def test_outside_a_project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError, match=r"dvc\.yaml: is missing"):
            weights.add(NAME, _published(tmp_path / "a.pth"))


@pytest.mark.pipeline
def test_weights_make_dvc_run_the_stage_that_reads_them(tmp_path: Path) -> None:
    """In a pipeline of one command: the folder is there from the start, and changes with them."""
    project = copy_project(tmp_path)
    (project / "dvc.yaml").write_text(
        "stages: {flow: {cmd: ls weights/flow > out, deps: [weights/flow], outs: [out]}}"
    )
    must_run(project, "dvc", "repro", "--quiet")
    assert (project / "out").read_text() == "README.md\n"
    assert json.loads(must_run(project, "dvc", "status", "--json")) == {}
    kept = _published(project / KEPT)
    added = run(project, "dvc", "add", "--quiet", str(kept))
    assert added.returncode == 0, added.stderr
    assert set(json.loads(must_run(project, "dvc", "status", "--json"))) == {"flow"}
    subprocess.run(["git", "check-ignore", "-q", KEPT], cwd=project, check=True)
    assert not (project / "weights/flow/.gitignore").exists()
