# Two commands on a fresh machine: `make run` and `make test`. Each makes its own .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= auto

# Tests start hundreds of processes: without kept bytecode each compiles all of Nexus anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-long fuzz chaos check format lint types contracts security audit bench clean

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
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests

test-long: $(READY) ## Run the tests with many more rounds and examples
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "long or not long" tests

EXAMPLES ?= 20000
ifndef SEED
SEED := $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
endif

fuzz: $(READY) ## Fuzz all that is read from outside: EXAMPLES=20000, SEED to repeat a run
	@echo "seed $(SEED), up to $(EXAMPLES) examples for each target"
	NEXUS_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n 0 --hypothesis-seed=$(SEED) tests/fuzz

STORE ?= both
ROUNDS ?= 1
SECONDS ?= 30

chaos: $(READY) ## Faults, and every promise checked: STORE=sqlite|redis|both, ROUNDS, SECONDS of each, SEED to repeat
	@$(BIN)/python -m tests.chaos.suite --store $(STORE) --seed $(SEED) --rounds $(ROUNDS) --seconds $(SECONDS)

check: format lint types contracts security test ## All checks, tests, and the audit of dependencies
	@$(BIN)/python tools/audit_dependencies.py --lenient

format: $(READY) ## Check the format
	$(BIN)/ruff format --check .

lint: $(READY) ## Check with ruff
	$(BIN)/ruff check .

types: $(READY) ## Check types with mypy --strict
	$(BIN)/mypy

contracts: $(READY) ## Check who may import whom
	$(BIN)/lint-imports

security: $(READY) ## Look for insecure code with bandit
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml core/nexus widgets/nexus_widgets nexus_tui tools

audit: $(READY) ## Ask whether pinned dependencies have known vulnerabilities; no answer is no pass
	$(BIN)/python tools/audit_dependencies.py

bench: $(READY) ## Run every benchmark
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean: ## Remove what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
