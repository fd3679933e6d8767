# The two commands of a newcomer: make check, make test. Everything happens in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: check test lint docs bench clean

check: $(VENV)/installed
	$(BIN)/conformant check fixtures/platforms/weak || test $$? -eq 1

test: $(VENV)/tests
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m conformant.docs --check

docs: $(VENV)/installed
	$(BIN)/python -m conformant.docs

bench: $(VENV)/tests
	$(BIN)/python tests/benchmarks/run.py

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	$(BIN)/python -m compileall -q src checks reports
	touch $@

$(VENV)/tests: $(VENV)/installed
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/lint: $(VENV)/tests
	$(BIN)/pip install --quiet --editable '.[lint]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
