"""For these tests, a table of more than 200 rows is large."""

import numpy as np
import pytest
from tables import BLOCK, make_vectors

from kd_keras.search import learning_sample, shards


@pytest.fixture(autouse=True)
def small_sample(monkeypatch, tmp_path):
    """Makes tables of more than 200 rows large."""
    monkeypatch.setattr(learning_sample, "LEARNING_ROWS", 200)
    monkeypatch.setattr(learning_sample, "TRAINING_ROWS", 300)
    monkeypatch.setattr(shards, "ENCODED_ROWS", BLOCK)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def vectors(tmp_path):
    vectors = make_vectors()
    np.save(tmp_path / "big.npy", vectors)
    return vectors
