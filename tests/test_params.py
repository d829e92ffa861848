"""params.yaml: what is shipped loads, and every mistake is one line with its key and remedy."""

import copy
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flowmend import cli, params
from flowmend.errors import InputError

TRAIN = ("scales", "smoke", "train")
DATA = ("scales", "smoke", "data")
HOLES = ("scales", "smoke", "holes")
UNET = ("experiments", "unet_zero")
GAN = ("experiments", "edge_gan")
SANITY = ("experiments", "fb_sanity")
MOVE = ("experiments", "move_unet")
REFINE = ("experiments", "refine")

Write = Callable[[object], Path]


@pytest.fixture(scope="module")
def shipped(project: Path) -> dict:
    return yaml.safe_load((project / "params.yaml").read_text())


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: object) -> Path:
        path = tmp_path / "params.yaml"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


def _changed(raw: dict, key: tuple[str, ...], value: object) -> dict:
    raw = copy.deepcopy(raw)
    block = raw
    for part in key[:-1]:
        block = block[part]
    block[key[-1]] = value
    return raw


def _message(path: Path) -> str:
    with pytest.raises(InputError) as error:
        params.load(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


class TestShipped:
    def test_every_scale_and_experiment_loads(self, project: Path, shipped: dict) -> None:
        loaded = params.load(project / "params.yaml")
        assert list(loaded.scales) == list(shipped["scales"])
        assert list(loaded.experiments) == list(shipped["experiments"])
        for scale in shipped["scales"]:
            dumped = loaded.at(scale).model_dump(exclude_unset=True)
            assert dumped == shipped["scales"][scale]
        for name in shipped["experiments"]:
            dumped = loaded.experiment(name).model_dump(exclude_unset=True)
            assert dumped == shipped["experiments"][name]

    def test_the_scales_of_the_issue_are_there(self, shipped: dict) -> None:
        assert {"smoke", "laptop", "study", "estimated", "davis", "paper"} <= set(shipped["scales"])
        assert shipped["scale"] == "laptop"

    def test_a_block_without_a_task_mends_flow(self, project: Path, shipped: dict) -> None:
        loaded = params.load(project / "params.yaml")
        tasks = {n: block.get("task", "flow") for n, block in shipped["experiments"].items()}
        assert {n: block.task for n, block in loaded.experiments.items()} == tasks
        mending = [name for name, task in tasks.items() if task in ("flow", "iterative")]
        assert list(loaded.mending) == mending
        assert set(tasks.values()) == {
            *("flow", "backward_flow", "edges", "move_pattern", "iterative"),
        }

    def test_is_frozen(self, project: Path) -> None:
        loaded = params.load(project / "params.yaml")
        with pytest.raises(ValueError, match="frozen"):
            loaded.at("smoke").train.steps = 1

    def test_every_number_means_the_same_to_yaml_1_1_and_1_2(self, shipped: dict) -> None:
        """`1e-4` is text to one reader and a number to the other: no such text is shipped."""

        def leaves(value: object) -> list[object]:
            if isinstance(value, dict):
                return [leaf for item in value.values() for leaf in leaves(item)]
            return (
                [leaf for item in value for leaf in leaves(item)]
                if isinstance(value, list)
                else [value]
            )

        for leaf in leaves(shipped):
            if isinstance(leaf, str):
                with pytest.raises(ValueError, match="could not convert"):
                    float(leaf)


WRONG = [
    # a misspelt key
    ((*TRAIN, "stepz"), 5, ": scales.smoke.train.stepz: is not a known key; did you mean steps?"),
    ((*UNET, "fil"), "zero", ": experiments.unet_zero.fil: is not a known key; did you mean fill?"),
    (("flavour",), 1, ": flavour: is not a known key; remove it"),
    # a wrong type
    (
        (*TRAIN, "steps"),
        "many",
        ": scales.smoke.train.steps: is 'many'; it must be a valid integer",
    ),
    ((*TRAIN, "steps"), 2.5, ": scales.smoke.train.steps: is 2.5; it must be a valid integer"),
    ((*TRAIN, "steps"), True, ": scales.smoke.train.steps: is True; it must be a valid integer"),
    ((*TRAIN, "steps"), None, ": scales.smoke.train.steps: is empty; it must be a valid integer"),
    ((*TRAIN, "seeds"), 0, ": scales.smoke.train.seeds: is 0; it must be a valid list"),
    (
        (*TRAIN, "seeds"),
        [0, "a"],
        ": scales.smoke.train.seeds.1: is 'a'; it must be a valid integer",
    ),
    (("scales", "smoke"), None, ": scales.smoke: is empty; give a block of keys"),
    (("scales", "smoke", "train"), [], ": scales.smoke.train: is empty; give a block of keys"),
    (UNET, "resnet", ": experiments.unet_zero: is 'resnet'; give a block of keys"),
    ((*UNET, "losses"), ["l1"], ": experiments.unet_zero.losses: is a list; give a block of keys"),
    # numbers that YAML 1.1 reads as text
    (
        (*TRAIN, "learning_rate"),
        "1e-4",
        ": scales.smoke.train.learning_rate: is '1e-4'; write 0.0001: YAML reads 1e-4 as text",
    ),
    (
        (*TRAIN, "steps"),
        "1e4",
        ": scales.smoke.train.steps: is '1e4'; write 10000: YAML reads 1e4 as text",
    ),
    # an impossible value
    ((*TRAIN, "steps"), 0, ": scales.smoke.train.steps: is 0; it must be greater than 0"),
    (
        (*TRAIN, "learning_rate"),
        math.inf,
        ": scales.smoke.train.learning_rate: is inf; it must be a finite number",
    ),
    ((*TRAIN, "seeds"), [], ": scales.smoke.train.seeds: is empty; give at least one"),
    (
        (*TRAIN, "seeds"),
        [1, 1],
        ": scales.smoke.train.seeds: an item is repeated; change one of them",
    ),
    ((*DATA, "height_px"), 60, ": scales.smoke.data.height_px: is 60; it must be a multiple of 8"),
    (
        (*DATA, "objects"),
        "some",
        ": scales.smoke.data.objects: is 'some'; it must be 'all' or it must be a valid list",
    ),
    ((*DATA, "objects"), [0], ": scales.smoke.data.objects.0: is 0; it must be greater than 0"),
    (
        (*DATA, "test_root"),
        "davis",
        ": scales.smoke.data: test_dataset and test_root go together; change one of them",
    ),
    (
        ("scales", "davis", "flow", "estimator"),
        "exact",
        ": scales.davis: flow.estimator exact needs dataset moving_shapes; change one of them",
    ),
    (
        ("scales", "davis", "data", "render_factor"),
        4,
        ": scales.davis.data: render_factor is for dataset moving_shapes alone; change one of them",
    ),
    # weights lie where the pipeline watches them, and belong to a network
    (
        ("scales", "paper", "flow", "checkpoint"),
        "elsewhere/flownet2.safetensors",
        ": scales.paper.flow.checkpoint: is 'elsewhere/flownet2.safetensors', "
        "no .safetensors file in weights/flow; change one of them",
    ),
    (
        ("scales", "smoke", "flow", "checkpoint"),
        "weights/flow/flownet2.safetensors",
        ": scales.smoke.flow: estimator exact takes no checkpoint; change one of them",
    ),
    (
        (*DATA, "render_factor"),
        0,
        ": scales.smoke.data.render_factor: is 0; it must be greater than 0",
    ),
    (
        (*HOLES, "min_side_px"),
        25,
        ": scales.smoke.holes: min_side_px exceeds max_side_px; change one of them",
    ),
    (
        (*HOLES, "max_side_px"),
        64,
        ": scales.smoke: holes.max_side_px leaves no known pixel beside it; change one of them",
    ),
    (
        (*HOLES, "shapes"),
        ["triangle"],
        ": scales.smoke.holes.shapes.0: is 'triangle'; "
        "it must be 'rectangle', 'ellipse', 'stroke' or 'object'",
    ),
    (
        (*UNET, "network"),
        "vgg",
        ": experiments.unet_zero.network: is 'vgg'; it must be 'unet', 'resnet' or 'unet_warp'",
    ),
    (
        (*UNET, "losses"),
        {"l3": 1.0},
        ": experiments.unet_zero.losses.l3: is 'l3'; it must be 'l1', 'l2', 'forward_backward', "
        "'lateral_dependency', 'spatio_temporal', 'edge_agreement' or 'patchgan'",
    ),
    ((*UNET, "losses"), {}, ": experiments.unet_zero.losses: is empty; give at least one"),
    (
        (*UNET, "losses"),
        {"l1": 0.0},
        ": experiments.unet_zero.losses.l1: is 0.0; it must be greater than 0",
    ),
    # tasks, and what belongs to one of them alone
    (
        (*GAN, "task"),
        "fly",
        ": experiments.edge_gan.task: is 'fly'; "
        "it must be one of 'flow', 'backward_flow', 'edges', 'move_pattern', 'iterative'",
    ),
    (
        (*REFINE, "rule"),
        "median",
        ": experiments.refine.rule: is 'median'; "
        "it must be 'clip', 'mean', 'power_mean' or 'polynomial'",
    ),
    (
        (*REFINE, "architecture"),
        3,
        ": experiments.refine.architecture: is 3; it must be 1 or 2",
    ),
    (
        (*REFINE, "network"),
        "unet",
        ": experiments.refine.network: does not belong to this block; remove it",
    ),
    (
        (*REFINE, "losses"),
        {"l1": 1.0},
        ": experiments.refine.losses.l1: is 'l1'; it must be 'inpaint_l1', 'min_round_trip', "
        "'total_variation' or 'prediction_total_variation'",
    ),
    (
        (*TRAIN, "refinement", "width"),
        4,
        ": scales.smoke.train.refinement.width: is 4; it must be greater than or equal to 8",
    ),
    (
        (*TRAIN, "refinement", "refinement_steps"),
        0,
        ": scales.smoke.train.refinement.refinement_steps: is 0; it must be greater than 0",
    ),
    (
        (*TRAIN, "refinement", "s0_steps"),
        0.0,
        ": scales.smoke.train.refinement.s0_steps: is 0.0; it must be greater than 0",
    ),
    (
        ("scales", "smoke", "evaluate", "processes"),
        0,
        ": scales.smoke.evaluate.processes: is 0; it must be greater than 0",
    ),
    (
        (*GAN, "critic_steps"),
        0,
        ": experiments.edge_gan.critic_steps: is 0; it must be greater than 0",
    ),
    (
        (*GAN, "critic_steps"),
        2.5,
        ": experiments.edge_gan.critic_steps: is 2.5; it must be a valid integer",
    ),
    (
        (*UNET, "critic_steps"),
        3,
        ": experiments.unet_zero.critic_steps: does not belong to this block; remove it",
    ),
    (
        (*MOVE, "setup"),
        "all_frames",
        ": experiments.move_unet.setup: does not belong to this block; remove it",
    ),
    (
        (*GAN, "losses"),
        {"patchgan": 1.0},
        ": experiments.edge_gan.losses.patchgan: is 'patchgan'; it must be 'wgan_gp'",
    ),
    *[
        ((*block, "losses"), {}, f": {'.'.join(block)}.losses: is empty; give at least one")
        for block in (GAN, SANITY, MOVE)
    ],
    (
        (*UNET, "losses"),
        {"l1": 1.0, "edge_agreement": 0.1},
        ": experiments.unet_zero: the loss edge_agreement needs edges: true; change one of them",
    ),
    ((*UNET, "edges"), 1, ": experiments.unet_zero.edges: is 1; it must be a valid boolean"),
    (
        (*UNET, "region"),
        "window",
        ": experiments.unet_zero.region: is 'window'; it must be 'image' or 'hole'",
    ),
    (
        (*MOVE, "coordinates"),
        "yes",
        ": experiments.move_unet.coordinates: is 'yes'; it must be a valid boolean",
    ),
    (
        ("experiments", "01"),
        {},
        ": experiments.01: is '01'; "
        "a name starts with a letter and goes on with letters, digits and _",
    ),
    (
        ("scale",),
        "lapptop",
        ": (top level): scale 'lapptop' is none of scales "
        "(davis, estimated, laptop, paper, smoke, study); change one of them",
    ),
]


class TestWrong:
    @pytest.mark.parametrize(("key", "value", "message"), WRONG, ids=lambda part: str(part)[:60])
    def test_is_one_line_with_key_and_remedy(
        self, shipped: dict, write: Write, key: tuple, value: object, message: str
    ) -> None:
        raw = _changed(shipped, key, value)
        if key == ("experiments", "01"):
            raw["experiments"]["01"] = raw["experiments"]["unet_zero"]
        assert _message(write(raw)) == message

    def test_a_misspelt_key_is_named_before_the_key_that_is_missing(
        self, shipped: dict, write: Write
    ) -> None:
        raw = _changed(shipped, (*TRAIN, "stepss"), 5)
        del raw["scales"]["smoke"]["train"]["steps"]
        assert "stepss: is not a known key; did you mean steps?" in _message(write(raw))

    def test_a_missing_key(self, shipped: dict, write: Write) -> None:
        raw = copy.deepcopy(shipped)
        del raw["scales"]["smoke"]["holes"]["seed"]
        assert _message(write(raw)) == ": scales.smoke.holes.seed: is missing; add it"

    def test_critic_steps_are_asked_for(self, shipped: dict, write: Write) -> None:
        raw = copy.deepcopy(shipped)
        del raw["experiments"]["edge_gan"]["critic_steps"]
        message = _message(write(raw))
        assert message == ": experiments.edge_gan.critic_steps: is missing; add it"

    @pytest.mark.parametrize("name", ["unet_zero", "edge_gan"])
    def test_an_experiment_cannot_ask_for_holes_that_a_scale_does_not_draw(
        self, shipped: dict, write: Write, name: str
    ) -> None:
        raw = _changed(shipped, ("experiments", name, "hole_shapes"), ["object"])
        assert params.load(write(raw)).experiment(name).hole_shapes == ["object"]
        for block in raw["experiments"].values():
            if block is not raw["experiments"][name]:
                block.pop("hole_shapes", None)
        raw = _changed(raw, (*HOLES, "shapes"), ["rectangle"])
        message = f"experiments.{name}.hole_shapes asks for shapes that scales.smoke"
        assert message in _message(write(raw))

    @given(st.floats(1e-300, 1e300), st.integers(0, 9))
    def test_what_is_advised_for_a_number_read_as_text_is_read_as_that_number(
        self, number: float, digits: int
    ) -> None:
        """Whatever the user wrote, following the remedy works the first time."""
        from flowmend.validation import _number

        text = f"{number:.{digits}e}"
        read = yaml.safe_load(f"x: {_number(text)}")["x"]
        assert isinstance(read, float | int)
        assert read == float(text)


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: [", ": line 1: expected the node content, but found '<stream end>'; "),
            ("scale: x\n\ty: 1", ": line 2: found character '\\t' that cannot start any token; "),
            ("scale: a\nscale: b", ": line 2: key scale stands twice in its block; mend that line"),
            ("scale: !!python/object:os.system x", ": line 1: could not determine a constructor"),
            (b"\xff\xfe\x00", ": is not YAML ('utf-8' codec can't decode byte 0xff"),
            ("scale: 2020-13-45", ": is not YAML (month must be in 1..12); "),
            ("[" * 5000, ": is not YAML (maximum recursion depth exceeded"),
            ("", ": (top level): is empty; give a block of keys"),
            ("- a", ": (top level): is a list; give a block of keys"),
            ("laptop", ": (top level): is 'laptop'; give a block of keys"),
        ],
    )
    def test_are_one_line(self, write: Write, text: str | bytes, message: str) -> None:
        assert _message(write(text)).startswith(message)

    def test_a_key_twice_deep_inside(self, project: Path, write: Write) -> None:
        text = (project / "params.yaml").read_text()
        twice = text.replace("study: fig9, network: unet,", "study: fig9, study: x, network: unet,")
        assert "key study stands twice in its block" in _message(write(twice))

    def test_a_missing_file(self, tmp_path: Path) -> None:
        assert (
            _message(tmp_path / "params.yaml")
            == ": is missing; run flowmend in the project's folder"
        )

    def test_a_folder_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "params.yaml").mkdir()
        assert _message(tmp_path / "params.yaml").startswith(": cannot be read (")

    @given(st.text(max_size=60))
    def test_no_text_escapes_as_another_error(self, tmp_path_factory, text: str) -> None:
        path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
        path.write_text(text, encoding="utf-8", errors="ignore")
        _message(path)


class TestLookUps:
    def test_an_unknown_scale(self, project: Path) -> None:
        with pytest.raises(InputError, match=r"scales: has no 'mega'; choose one of smoke, laptop"):
            params.load(project / "params.yaml").at("mega")

    def test_an_unknown_experiment(self, project: Path) -> None:
        with pytest.raises(InputError, match=r"experiments: has no 'vgg'; choose one of unet_zero"):
            params.load(project / "params.yaml").experiment("vgg")


class TestCommand:
    """The same through `flowmend`: one line on stderr, exit code 2, no traceback."""

    def _run(self, monkeypatch, capsys, folder: Path, *arguments: str) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", ["flowmend", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert stopped.value.code == cli.BAD_INPUT
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("flowmend: ")
        assert printed.err.count("\n") == 1
        assert "Traceback" not in printed.err
        return printed.err.removeprefix("flowmend: ").removesuffix("\n")

    def test_a_mistake_in_the_file(self, monkeypatch, capsys, shipped, write: Write) -> None:
        path = write(_changed(shipped, (*TRAIN, "stepz"), 5))
        message = self._run(monkeypatch, capsys, path.parent, "stage", "index", "--scale", "smoke")
        assert message == (
            "params.yaml: scales.smoke.train.stepz: is not a known key; did you mean steps?"
        )

    def test_no_file(self, monkeypatch, capsys, tmp_path: Path) -> None:
        message = self._run(monkeypatch, capsys, tmp_path, "stage", "index", "--scale", "smoke")
        assert message == "params.yaml: is missing; run flowmend in the project's folder"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("index", "--scale", "mega"), "params.yaml: scales: has no 'mega'; choose one of "),
            (("bake", "--scale", "smoke"), "flowmend stage: 'bake' is not a stage; one of index, "),
            (
                ("train", "--scale", "smoke", "--experiment", "vgg"),
                "params.yaml: experiments: has no 'vgg'; choose one of ",
            ),
            (("train", "--scale", "smoke"), "flowmend stage train: --experiment is missing; "),
            (
                ("edges", "--scale", "smoke", "--split", "train"),
                "flowmend stage edges: --shard is missing; ",
            ),
            (
                ("edges", "--scale", "smoke", "--split", "val", "--shard", "0"),
                "flowmend stage edges: --split: has no 'val'; one of train, test",
            ),
            (
                ("edges", "--scale", "smoke", "--split", "test", "--shard", "4"),
                "flowmend stage edges: --shard: has no 4; one of 0, 1, 2, 3",
            ),
            (
                ("evaluate", "--scale", "smoke", "--split", "test"),
                "flowmend stage evaluate: --split does not belong to this stage; leave it out",
            ),
        ],
        ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
    )
    def test_a_mistake_in_the_command(
        self, monkeypatch, capsys, project: Path, arguments: tuple[str, ...], message: str
    ) -> None:
        assert self._run(monkeypatch, capsys, project, "stage", *arguments).startswith(message)
