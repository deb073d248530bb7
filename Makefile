# What people and continuous integration call. `make demo` and `make test` start from nothing but Python >= 3.11.
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
DATA ?=
PYTEST_ARGS ?= -n auto --dist loadfile --durations=30
export OMP_NUM_THREADS ?= 2

FIND_PYTHON = for p in python3 python3.13 python3.12 python3.11 python; do \
	if command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$p; exit 0; fi; done; exit 1

.PHONY: help demo test check lint types imports tests format docs bench studies clean
.DELETE_ON_ERROR:

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@python="$${PYTHON:-$$($(FIND_PYTHON))}"; \
	if [ -z "$$python" ]; then \
		echo "stf2m needs Python 3.11 or newer with the venv module; install it, or run: make PYTHON=/path/to/python" >&2; exit 1; fi; \
	echo "making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv $(VENV)

$(STAMPS)/use: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/use

demo: $(STAMPS)/use ## synthetic people from raw signals to a personal timeline; DATA=folder for real people
	$(BIN)/stf2m demo $(if $(DATA),--data $(DATA))

test: check tests ## everything that must hold: lint, format, types, import contract, tests

check: lint types imports ## everything of `test` but the tests

lint: $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/dev
	$(BIN)/pyright

imports: $(STAMPS)/dev
	$(BIN)/lint-imports

tests: $(STAMPS)/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

format: $(STAMPS)/dev ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMPS)/dev ## write docs/cli.md, errors.md and settings.md anew from the program itself
	$(BIN)/python docs/generate.py

bench: $(STAMPS)/dev ## how fast: every script in benchmarks/
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

studies: $(STAMPS)/dev ## how good: every study in studies/, cell by cell, resuming (needs the real recordings)
	@for study in studies/*.toml; do echo "== $$study"; $(BIN)/stf2m study $$study $(if $(DATA),--data $(DATA)) || exit 1; done

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
