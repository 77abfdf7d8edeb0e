# Everything lives in .venv/; the first command that needs it sets it up.
PYTHON ?= python3
BIN := .venv/bin
BUILD := .venv/.installed

.PHONY: build demo test test-all check bench clean

build: $(BUILD)
	@$(BIN)/python -m native.build

$(BUILD): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] <= (3, 13), "Ludus needs Python 3.11 to 3.13, this is " + sys.version'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt pip setuptools wheel cython numpy
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[test,check,inference]'
	@touch $(BUILD)

demo: build
	@$(BIN)/ludus train configs/connect_four_demo.yaml

test: build
	$(BIN)/python -m pytest

test-all: build
	$(BIN)/python -m pytest -m ''

check: build
	@$(BIN)/ruff check --quiet .
	@PATH="$(BIN):$$PATH" $(BIN)/cython-lint native envs
	@$(BIN)/mypy --no-error-summary

bench: build
	$(BIN)/ludus bench all

clean:
	rm -rf .venv build ludus.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find native envs -name '*.so' -delete
