"""A working directory for each test of the command line."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    """Makes a directory that contains only a table of 20 x 6."""
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(20, 6)).astype("f4")
    np.save("table.npy", vectors)
    return tmp_path
