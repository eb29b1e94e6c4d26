"""A small table in a file, and a search that takes no time."""

import importlib

import numpy as np
import pytest
from small_table import SIZE, WORDS, N

import kd_keras


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(N, SIZE)).astype("f4")


@pytest.fixture
def source(tmp_path, vectors):
    path = tmp_path / "table.npz"
    np.savez(path, vectors=vectors.astype("f2"), words=WORDS)
    return path


@pytest.fixture
def fake_learning(monkeypatch):
    """Replaces the search with random codes and records the calls."""
    calls = []

    def learn_codes(vectors, **given):
        calls.append(given)
        of_search = ("verbose", "effort", "weights")
        given = {k: v for k, v in given.items() if k not in of_search}
        embedding = kd_keras.KDEmbedding(*vectors.shape, **given)
        embedding.build()
        return embedding

    learning = importlib.import_module("kd_keras.learning.learn_codes")
    monkeypatch.setattr(learning, "learn_codes", learn_codes)
    return calls
