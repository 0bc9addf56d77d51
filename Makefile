# Two commands on a fresh machine: `make run` and `make test`. Each makes its own .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help run test test-long check format lint types contracts bench clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Nexus needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $(READY)

run: $(READY) ## Open the console on a live server with example workflows
	@$(BIN)/nexus dev

test: $(READY) ## Run all tests
	$(BIN)/python -m pytest -n $(WORKERS) tests

test-long: $(READY) ## Run the tests with many more rounds and examples
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n $(WORKERS) -m "long or not long" tests

check: format lint types contracts test ## Format, lint, types, import contracts and tests

format: $(READY) ## Check the format
	$(BIN)/ruff format --check .

lint: $(READY) ## Check with ruff
	$(BIN)/ruff check .

types: $(READY) ## Check types with mypy --strict
	$(BIN)/mypy

contracts: $(READY) ## Check who may import whom
	$(BIN)/lint-imports

bench: $(READY) ## Run every benchmark
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean: ## Remove what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
