"""Tests that the examples in the docstrings run and print what they show."""

import doctest
import importlib
import pkgutil

import pytest

import kd_keras

MODULES = [
    module.name
    for module in pkgutil.walk_packages(kd_keras.__path__, "kd_keras.")
]


@pytest.mark.parametrize("module", ["kd_keras", *MODULES])
@pytest.mark.slow
def test_examples_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for examples that write files
    failures, _ = doctest.testmod(importlib.import_module(module))
    assert not failures


PUBLIC = [
    name
    for name, value in vars(kd_keras).items()
    if callable(value)
    and not name.startswith("_")
    and name != "Composition"  # a base class; its subclasses have examples
]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_an_example(name):
    tests = doctest.DocTestFinder(recurse=False).find(getattr(kd_keras, name))
    assert any(test.examples for test in tests)
