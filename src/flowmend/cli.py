"""The command line: thin commands over the stages. Heavy imports wait until they are needed."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from flowmend.errors import InputError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
flow_app = typer.Typer(no_args_is_help=True, help="Optical-flow files.")
app.add_typer(flow_app, name="flow")
weights_app = typer.Typer(no_args_is_help=True, help="Published weights of FlowNet2 and HED.")
app.add_typer(weights_app, name="weights")

BAD_INPUT = 2


@app.command()
def stage(
    name: Annotated[str, typer.Argument(help="A stage of dvc.yaml.")],
    scale: Annotated[str, typer.Option(help="A block of params.yaml's scales.")],
    split: Annotated[str | None, typer.Option(help="train or test.")] = None,
    shard: Annotated[int | None, typer.Option(help="Number of the shard.")] = None,
    experiment: Annotated[str | None, typer.Option(help="A block of experiments.")] = None,
) -> None:
    """Run one stage of the pipeline (what DVC and Snakemake call)."""
    from flowmend import params

    loaded = params.load()
    loaded.at(scale)
    if experiment is not None:
        loaded.experiment(experiment)
    run = _stage_module(name).run
    given = {"split": split, "shard": shard, "experiment": experiment}
    items = {key: value for key, value in given.items() if value is not None}
    _check_items(name, items, wanted=set(signature(run).parameters) & set(given))
    run(loaded, scale, **items, **_watch(name, scale))


@app.command()
def headline(
    scale: Annotated[str, typer.Option(help="A block of params.yaml's scales.")],
) -> None:
    """Print a scale's summary table and where its report is."""
    from flowmend.stages.headline import show

    show(scale)


@app.command()
def evaluate(
    weights: Annotated[Path, typer.Option(help="seed-<n>.safetensors of a trained network.")],
    data: Annotated[Path, typer.Option(help="A DAVIS tree or zip, or a folder of frames.")],
    output: Annotated[Path, typer.Option(help="Folder for the tables.")] = Path("evaluation"),
) -> None:
    """Judge a trained network and all classical fills on any clips, outside the pipeline."""
    from flowmend.stages.evaluate_files import evaluate_files

    evaluate_files(weights, data, output)


@app.command()
def why(file: Annotated[Path, typer.Argument(help="A figure, table or model.")]) -> None:
    """Print the way from a file of the pipeline back to the raw data."""
    from flowmend import params
    from flowmend.stages.why import why as explain

    for line in explain(file, params.load()):
        typer.echo(line)


@app.command()
def describe(
    experiment: Annotated[str, typer.Argument(help="A block of experiments.")],
    scale: Annotated[str | None, typer.Option(help="By default the one params.yaml names.")] = None,
) -> None:
    """Print an experiment's networks: parts, shapes, parameters and multiply-adds."""
    from flowmend import params
    from flowmend.stages.describe import describe as show

    show(experiment, scale, params.load())


@app.command()
def track(
    scale: Annotated[str | None, typer.Option(help="One scale only; by default all made.")] = None,
) -> None:
    """Tell MLflow (MLFLOW_TRACKING_URI, or mlflow.db here) what the pipeline has made."""
    from flowmend import params
    from flowmend.stages.track import track as tell

    typer.echo(f"{tell(params.load(), scale)} runs are in MLflow")


@app.command()
def adopt() -> None:
    """After `snakemake` let DVC accept what it built, or the other way round."""
    from flowmend.stages.adopt import adopt as hand_over

    typer.echo(hand_over())


@flow_app.command("convert")
def flow_convert(
    source: Annotated[Path, typer.Argument(help="A .flo or KITTI .png file or folder, or a .zip.")],
    target: Annotated[Path, typer.Argument(help="The same, of another kind.")],
    codec: Annotated[str, typer.Option(help="Codec of a new archive.")] = "fast",
    max_error_px: Annotated[float, typer.Option(help="Largest error of a new archive.")] = 1 / 128,
) -> None:
    """Convert flow between .flo files, KITTI PNG files and flow archives."""
    from flowmend.stages.convert import convert_flow

    convert_flow(source, target, codec, max_error_px)


@flow_app.command("evaluate")
def flow_evaluate(
    data: Annotated[Path, typer.Argument(help="Middlebury, Sintel, FlyingChairs and KITTI trees.")],
    estimator: Annotated[
        list[str] | None, typer.Option(help="May be repeated; by default all at hand.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="CSV for the rows of all pairs.")] = None,
) -> None:
    """Compare estimated flow with true flow."""
    from flowmend.stages.flow_accuracy import evaluate_flow

    evaluate_flow(data, estimator, output)


@weights_app.command("add")
def weights_add(
    name: Annotated[str, typer.Argument(help="flownet2, flownet2_s, _c, _cs, _css, _sd or hed.")],
    file: Annotated[Path, typer.Argument(help="The checkpoint as its authors publish it.")],
) -> None:
    """Verify and convert a checkpoint and let DVC track it (docs/weights.md)."""
    from flowmend.stages.weights import add

    typer.echo(add(name, file))


def _watch(name: str, scale: str) -> dict[str, Callable]:
    """A training is mirrored to MLflow on request; the stage itself knows of no tracker."""
    from flowmend.tracking import live_wanted

    if name != "train" or not live_wanted():
        return {}
    from flowmend.stages.track import live_mirror

    return {"watch": partial(live_mirror, scale)}


def _stage_module(name: str) -> ModuleType:
    stages = (
        "index",
        "sequences",
        "flow",
        "holes",
        "edges",
        "train",
        "evaluate",
        "figures",
        "report",
    )
    if name not in stages:
        raise InputError(
            "flowmend stage", f"{name!r} is not a stage", f"one of {', '.join(stages)}"
        )
    return import_module(f"flowmend.stages.{name}")


def _check_items(name: str, items: Mapping[str, object], wanted: set[str]) -> None:
    from flowmend.stages.layout import SHARDS, SPLITS

    where, remedy = f"flowmend stage {name}", "give it as in dvc.yaml"
    for item in sorted(wanted - items.keys()):
        raise InputError(where, f"--{item} is missing", remedy)
    for item in sorted(items.keys() - wanted):
        raise InputError(where, f"--{item} does not belong to this stage", "leave it out")
    for item, choices in (("split", SPLITS), ("shard", SHARDS)):
        if item in items and items[item] not in choices:
            one_of = "one of " + ", ".join(map(str, choices))
            raise InputError(f"{where}: --{item}", f"has no {items[item]!r}", one_of)


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"flowmend: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
