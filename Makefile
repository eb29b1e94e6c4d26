# A fresh machine needs Python 3.11 to 3.13, make and a network, nothing else:
# every target installs what it needs into .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check clean

demo: .venv/base
	$(BIN)/kd-keras compress saved_models/ptb_small_200.npz \
	  --litert int8 --output demo --force

test: .venv/test
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

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

clean:
	rm -rf .venv demo
