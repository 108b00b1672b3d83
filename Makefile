.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix bench attacks soak clean

PYTHON := .venv/bin/python

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Set up .venv and the environment that sandboxes see.
	@./bootstrap.sh
	@.venv/bin/cellblock setup

demo:  ## Run the main job on a sample CSV: a tool call, its output, its chart, how long each stage took.
	@./bootstrap.sh
	@$(PYTHON) examples/demo.py

test:  ## Set up and run the tests.
	@./bootstrap.sh --group dev
	@$(PYTHON) -m pytest --numprocesses 2

check: test  ## What CI runs: tests, lint, types, import contracts.
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

fix:  ## Format, and mend what the linter can.
	@./bootstrap.sh --group dev
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

bench:  ## Measure speed against Jupyter, bubblewrap and a bare fork, in one run a level.
	@./bootstrap.sh --group bench
	@$(PYTHON) -m benchmarks
	@$(PYTHON) -m benchmarks --level landlock

attacks:  ## All attacks on the wall, in the configurations that `make test` leaves out.
	@./bootstrap.sh --group dev
	@$(PYTHON) -m pytest -m soak tests/test_attacks.py

soak:  ## The slow tests.
	@./bootstrap.sh --group dev
	@$(PYTHON) -m pytest -m soak

clean:  ## Remove what the other targets made in this checkout.
	@rm -rf .venv .tools build .pytest_tmp .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
