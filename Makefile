# Two commands for a newcomer: `make reproduce` and `make test`.
# SCALE=smoke make reproduce   the whole pipeline, small, in a few minutes
# JOBS=1 make reproduce        one stage at a time; the default is one a core
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
SCALE ?= $(shell sed -n 's/^scale: *//p' params.yaml)
JOBS ?= $(shell env -u OMP_NUM_THREADS nproc)
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
.DEFAULT_GOAL := help

.PHONY: help install reproduce test check bench dashboard clean

help:  ## What can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

install: .venv/installed  ## Make .venv with pinned dependencies

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "flowmend needs Python 3.11: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

reproduce: install  ## Raw clips in, report out (as dvc repro at SCALE, on JOBS cores)
	@exec python workflow/reproduce.py "$(SCALE)" "$(JOBS)"
	@exec flowmend headline --scale "$(SCALE)"

test: install  ## The whole test suite
	$(BIN)/python -m pytest -n $(JOBS)

check: install  ## Lint, types, import contract
	ruff check . && ruff format --check . && snakefmt --check Snakefile workflow && mypy && lint-imports

bench: install  ## Every benchmark; tables land in docs/benchmarks
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

dashboard: install  ## MLflow on the pipeline's runs
	flowmend track
	mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}"

clean:  ## Remove what the pipeline made (the DVC cache stays)
	rm -rf artifacts reports/smoke
