# `make` alone lists what there is to make.

.DEFAULT_GOAL := help
VENV := .venv/bin
READY := .venv/.ready
# Airflow takes seconds longer to import when Python may not keep its compiled files.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo airflow deliver test test-slow fuzz platform-test lint format bench docs lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): tools/setup requirements/dev.txt requirements/uv.txt pyproject.toml
	@echo "Setting up .venv (a minute or so, once) ..."
	@tools/setup

demo: $(READY) ## Run the whole job on a local AWS stand-in, with the real Airflow DAGs
	@$(VENV)/python -m ao_workflows.demo run

airflow: $(READY) ## Start Airflow's web UI with the DAGs, pointed at the stand-in; Ctrl-C ends it
	@$(VENV)/python -m ao_workflows.demo airflow

deliver: $(READY) ## Send a delivery to the running `make airflow` (CORRUPT=1: a damaged one)
	@$(VENV)/python -m ao_workflows.demo deliver $(if $(CORRUPT),--corrupt)

test: $(READY) ## Run the tests, but for the slow ones (eight minutes)
	@$(VENV)/python -m pytest -n auto --ignore=tests/stack -m "not slow" $(PYTEST_ARGS)

test-slow: $(READY) ## Run the slow tests: killed at any moment, mounts that hang, measured memory (two minutes)
	@$(VENV)/python -m pytest -n auto --ignore=tests/stack -m slow $(PYTEST_ARGS)

.venv-fuzz/.ready: tools/setup requirements/fuzz.txt
	@tools/setup .venv-fuzz fuzz

fuzz: .venv-fuzz/.ready ## Feed the parsers of zips and bags with damaged ones, SECONDS (60) for each
	@for target in zips bags; do \
	    PYTHONPATH=src:tests .venv-fuzz/bin/python -m fuzz.run $$target $(or $(SECONDS),60) .fuzz || exit 1; \
	done

platform-test: $(READY) ## Build and run the Docker platform for real, on an engine of its own (root; ten minutes)
	@$(VENV)/python -m pytest tests/stack -p no:randomly -p no:xdist --exitfirst --timeout=900 $(PYTEST_ARGS)

lint: $(READY) ## Check style, types, and that imports go down the floors only
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-logo
	@$(VENV)/hadolint airflow-docker/Dockerfile

format: $(READY) ## Format the code
	@$(VENV)/ruff format .
	@$(VENV)/ruff check --fix .

bench: $(READY) ## Measure (docs/benchmarks.md says what and how)
	@$(VENV)/python -m benchmarks

docs: $(READY) ## Build the documentation into docs/_build/html
	@$(VENV)/sphinx-build --quiet --fail-on-warning --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

lock: $(READY) ## Pin the requirements anew
	@PATH="$(CURDIR)/$(VENV):$$PATH" tools/lock

clean: ## Remove everything that was made
	rm -rf .venv .venv-* .demo .fuzz docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
