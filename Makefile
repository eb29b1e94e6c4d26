# A fresh machine needs Python 3.11 to 3.13, make and a network, nothing else:
# every target installs what it needs into .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow figures check docs clean

demo: .venv/base
	$(BIN)/kd-keras compress saved_models/ptb_small_200.npz \
	  --litert int8 --output demo --force
	$(BIN)/kd-keras explore demo
	$(BIN)/kd-keras compress saved_models/question_types.keras --budget 60KB \
	  --counts saved_models/question_types_counts.txt --output demo-model --force
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python examples/ask_about_questions.py demo-model

# In the order of the folders: those that take long come first.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Every kind of test, with fewer cases of those that take long.
test: .venv/test
	$(PYTEST) --speed quick

# What `make test` leaves out.
test-slow: .venv/test
	$(PYTEST) --speed slow

# Quick versions, into figures/; the full ones take minutes to hours each.
figures: .venv/test
	for script in examples/paper/[!e]*.py; do \
	  TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python $$script --quick || exit 1; done

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages of docs/ and the API reference, into site/.
docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/base: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[litert]'
	touch $@

.venv/test: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@ .venv/base

.venv/dev: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@ .venv/base .venv/test

.venv/docs: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv demo demo-model figures site
