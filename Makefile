# The few commands people need. Each one first sets up what it uses, from Python 3.11 or later, make and a C compiler.

.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
JOBS ?= 2
PYTHON ?=
PYTHONS := $(PYTHON) python3.11 python3 python3.12 python3.13
SETUP := $(VENV)/.project

.PHONY: help setup demo test quick bench bench-gpu check fmt lock clean

help:
	@echo "make demo    compare treatments after ECT: a table and report/"
	@echo "make test    style, types, import contracts, then every test"
	@echo "make quick   the tests that take seconds"
	@echo "make bench   compare the engines: a table and benchmarks/results/engines.json"
	@echo "make bench-gpu  the kernel against the scan on a GPU, where there is one"
	@echo "make check   style, types and import contracts only"
	@echo "make fmt     format the code and apply the safe fixes"
	@echo "make lock    remake requirements.lock from pyproject.toml (needs uv)"
	@echo "make clean   remove $(VENV), caches and the demo report"
	@echo "Options: PYTHON=path of the interpreter, JOBS=test processes (now $(JOBS))"

setup: $(SETUP)

demo: $(SETUP)
	@$(BIN)/cotreat compare after-ect --out report

test: check
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

quick: $(SETUP)
	@$(BIN)/python -m pytest -m "not slow and not browser"

bench: $(SETUP)
	@$(BIN)/python benchmarks/engines.py

bench-gpu: $(SETUP)
	@$(BIN)/python benchmarks/gpu.py

check: $(SETUP)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

fmt: $(SETUP)
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH" >&2; exit 1; }
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --all-extras \
	    --custom-compile-command "make lock" pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) report build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# A missing or dangling interpreter means that whatever lies in the environment is of no use: start afresh.
$(BIN)/python:
	@for candidate in $(PYTHONS); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        "$$candidate" -m venv --clear $(VENV) && exit 0; \
	        rm -rf $(VENV); \
	        echo "$$candidate cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; \
	        exit 1; \
	    fi; \
	done; \
	echo "Cotreat needs Python 3.11 or later; tried: $(strip $(PYTHONS)). Name one: make PYTHON=path ..." >&2; \
	exit 1

# Both stamps are written only after the step has succeeded, so an interrupted installation is taken up again.
$(VENV)/.packages: requirements.lock | $(BIN)/python
	@echo "Installing the locked packages into $(VENV): 0.9 GB, half a minute on a fast network"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

# Editable, from the locked build backend: nothing is looked up on the network.
$(SETUP): pyproject.toml $(VENV)/.packages
	@$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@
