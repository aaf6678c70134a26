# Everything a person does with this repository; `make` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# The first of these that is Python 3.11 to 3.13 and can make a virtual environment.
PYTHONS ?= python3 python3.13 python3.12 python3.11
IS_SUITABLE := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check
LOCK := uv pip compile pyproject.toml --extra plot --group build --universal --no-strip-extras \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

# Floors whose every line and branch a test must reach.
COVERED := */tsfm_runner/core/*,*/tsfm_runner/domain/*,*/tsfm_runner/service/*

.PHONY: help setup setup-train run test lint format lock docs bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/installed-run ## Make .venv with .venv/bin/tsfm-runner

# Without CUDA, which is gigabytes; where pip finds no such build, nothing is changed.
setup-train: $(VENV)/installed-dev ## Add torch to .venv, for training and its tests
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP_INSTALL) torch==2.13.0+cpu

run: $(VENV)/installed-run ## Serve on http://127.0.0.1:8000, where 20 simulated markets live
	$(BIN)/tsfm-runner serve --demo-markets 20

test: lint docs ## Check everything: lint, documentation, every test with coverage
	$(BIN)/pytest -n 2 --cov --cov-report=
	$(BIN)/coverage report --include='$(COVERED)' --fail-under=100 --show-missing --skip-covered

lint: $(VENV)/installed-dev ## Check format, style, types and imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/installed-dev ## Bring the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/installed-dev ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo 'The documentation starts at site/index.html'

bench: $(VENV)/installed-run ## Measure the service against its budgets
	$(BIN)/tsfm-runner bench

lock: ## Pin every requirement anew (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv on the PATH' >&2; exit 1; }
	$(LOCK) --output-file requirements/run.lock
	$(LOCK) --group docs --group dev --output-file requirements/dev.lock

clean: ## Remove everything that was made here, .venv too
	rm -rf $(VENV) site dist .coverage* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@for python in $(PYTHONS); do \
		if "$$python" -c '$(IS_SUITABLE)' 2>/dev/null; then \
			echo "Making $(VENV) with $$python"; \
			exec "$$python" -m venv $(VENV); \
		fi; \
	done; \
	echo 'Python 3.11, 3.12 or 3.13 with the module venv is needed, and none of' >&2; \
	echo '$(PYTHONS) is one. Name yours: make run PYTHONS=/path/to/python' >&2; \
	exit 1

$(VENV)/installed-%: requirements/%.lock pyproject.toml | $(BIN)/python
	@echo 'Installing what requirements/$*.lock pins; this takes a minute or two'
	@$(PIP_INSTALL) --require-hashes --requirement requirements/$*.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
