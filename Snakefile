# `snakemake --cores 2` builds what `dvc repro` builds: the rules take everything from dvc.yaml,
# through workflow/dag.py. `--config scale=smoke` picks another scale; nothing else is overridden.
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir, "workflow")))

from dag import Dag, chosen_scale
from lock import hold_project

from flowmend.errors import InputError

try:
    scale = chosen_scale(config)
    if workflow.is_main_process and not workflow.output_settings.dryrun:
        hold_project()
except InputError as error:
    print(f"flowmend: {error}", file=sys.stderr)
    sys.exit(2)

dag = Dag(scale)


wildcard_constraints:
    **dag.constraints(),


rule all:
    input:
        dag.products,


include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/results.smk"
