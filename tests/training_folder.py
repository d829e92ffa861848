"""A project with a few small training clips, and its one command."""

from pathlib import Path

import yaml

from flowmend import params as schema
from flowmend.stages import train
from flowmend.stages.layout import SHARDS, Layout
from training_clips import SIZE, write_shard

SCALE = "smoke"


def make_training_folder(project: Path) -> None:
    """``params.yaml`` of tiny budgets and four training shards, in the current folder."""
    loaded = yaml.safe_load((project / "params.yaml").read_text())
    block = loaded["scales"][SCALE]
    block["data"] |= {"height_px": SIZE, "width_px": SIZE}
    block["holes"] |= {"min_side_px": 5, "max_side_px": 8}
    block["train"] |= {"steps": 6, "batch": 2, "width": 4, "seeds": [0, 1]}
    block["train"]["refinement"] |= {"steps": 6, "width": 8, "refinement_steps": 2}
    Path("params.yaml").write_text(yaml.safe_dump(loaded))
    layout = Layout(SCALE)
    for k in SHARDS:
        kinds = (layout.flow, layout.holes, layout.fills, layout.edges)
        write_shard(*(kind("train", k) for kind in kinds), [f"clip_{k}"])


def edit_params(old: str, new: str) -> None:
    """Another ``params.yaml``."""
    before = Path("params.yaml").read_text()
    assert old in before
    Path("params.yaml").write_text(before.replace(old, new))


def trained(experiment: str) -> dict[str, bytes]:
    """What the stage train wrote for an experiment, by name of file."""
    train.run(schema.load(), SCALE, experiment)
    folder = Layout(SCALE).model(experiment)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def forget_runs() -> None:
    """Remove what the stage keeps to take up a run."""
    for kept in Path("artifacts/.scratch").rglob("*.pt"):
        kept.unlink()
