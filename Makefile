# The one front door. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test coverage check docs bench clean

VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
export UV_PROJECT_ENVIRONMENT := $(VENV)

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(VENV)/.runtime ## a harmless change is promoted and two harmful ones rolled back, on real traffic (KEEP=1 keeps serving)
	@$(BIN)/python -m verdigris.demo $(if $(KEEP),--keep)

test: $(VENV)/.dev ## every test; ARGS="-k name" narrows it
	@$(BIN)/pytest -n auto --dist worksteal --durations=20 $(ARGS)

coverage: $(VENV)/.dev ## every test, with the lines and branches none of them reaches (about twice as long)
	@$(BIN)/pytest -n auto --dist worksteal --cov --cov-report=term $(ARGS)

check: $(VENV)/.dev ## style, types and the floors of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(VENV)/.dev ## run every example in the documentation and follow every link in it
	@$(BIN)/pytest -n auto README.md docs tests/unit/test_docs.py tests/unit/test_docs_configuration.py

bench: $(VENV)/.dev ## the measurements behind the pages that hold figures (an hour)
	@$(BIN)/python -m benchmarks.ingest
	@$(BIN)/python -m benchmarks.switch
	@$(BIN)/python -m benchmarks.gateway
	@$(BIN)/python -m benchmarks.parts
	@$(BIN)/python -m benchmarks.judge
	@$(BIN)/python -m benchmarks.ramps
	@$(BIN)/python -m benchmarks.sampling
	@$(BIN)/python -m benchmarks.shadow
	@$(BIN)/python -m benchmarks.agreement
	@$(BIN)/python -m benchmarks.regressions

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

# uv makes the environment from the lock file. Where there is no uv, pip brings one into the environment itself.
ifeq ($(UV),)
SYNC := $(BIN)/uv sync --locked --inexact
$(VENV)/.uv:
	@test -n "$(PYTHON)" || { echo "Verdigris needs Python 3.11 or newer; none was found on the PATH." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@
else
SYNC := $(UV) sync --locked --inexact
$(VENV)/.uv:
	@$(UV) venv --quiet --allow-existing $(if $(PYTHON),--python $(PYTHON)) $(VENV)
	@touch $@
endif

$(VENV)/.runtime: $(VENV)/.uv pyproject.toml uv.lock
	@echo "Setting up $(VENV) from the lock file ..."
	@$(SYNC) --no-default-groups --quiet
	@touch $@

$(VENV)/.dev: $(VENV)/.uv pyproject.toml uv.lock
	@echo "Setting up $(VENV) with test and check tools from the lock file ..."
	@$(SYNC) --quiet
	@touch $@ $(VENV)/.runtime
