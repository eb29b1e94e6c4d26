"""A folder in which the language model's pipeline has run."""

import os

import pytest
from kd_testing import write_texts
from ptb_runs import TRAIN, run


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A working directory in which the whole pipeline has run."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "text").mkdir()
    write_texts(folder / "text")
    before = os.getcwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def conventional(work):
    run("train", *TRAIN)
    return work / "ptb-runs" / "tiny-conventional-seed0"


@pytest.fixture(scope="module")
def codes(conventional):
    words = ["--K", "8", "--D", "4", "--effort", "0.5", "--quiet"]
    run("learn-codes", "--from", f"ptb-runs/{conventional.name}", *words)
    return "ptb-runs/tiny-codes-linear-K8-D4"


@pytest.fixture(scope="module")
def retrained(codes):
    run("retrain", "--codes", codes, *TRAIN, "--output", "retrained")
    return "retrained"
