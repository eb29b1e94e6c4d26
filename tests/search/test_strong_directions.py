"""The directions that hold most of the vectors' squared length."""

import numpy as np
import pytest

from kd_keras.search.methods import strong_directions as module
from kd_keras.search.methods.strong_directions import strong_directions


def vectors_and_weights():
    rng = np.random.default_rng(0)
    strengths = np.arange(1, 61) ** -0.7
    vectors = rng.normal(size=(500, 60)) * strengths + 0.1
    return vectors.astype(np.float32), rng.uniform(0.1, 2, 500)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("exact", [60, 0], ids=["exact", "iterated"])
def test_they_are_those_of_a_singular_value_decomposition(
    weighted, exact, monkeypatch
):
    monkeypatch.setattr(module, "EXACT_DIM", exact)
    vectors, weights = vectors_and_weights()
    weights = (weights / weights.mean()).astype(np.float32)
    scales = np.sqrt(weights) if weighted else np.ones(500)
    _, s, rows = np.linalg.svd(scales[:, None] * vectors, full_matrices=False)
    H, outside = strong_directions(vectors, 6, weights if weighted else None)
    assert H.shape == (6, 60) and H.dtype == np.float32
    np.testing.assert_allclose(H @ H.T, np.eye(6), atol=1e-5)
    np.testing.assert_allclose(outside, np.square(s[6:]).sum() / 500, rtol=1e-3)
    # The strongest first, each up to its sign.
    np.testing.assert_allclose(np.abs((H * rows[:6]).sum(axis=1)), 1, atol=1e-2)


def test_vectors_of_fewer_dimensions_leave_nothing_outside(monkeypatch):
    monkeypatch.setattr(module, "EXACT_DIM", 0)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 40))
    H, outside = strong_directions(vectors.astype(np.float32), 5)
    assert 0 <= outside < 1e-3
    np.testing.assert_allclose(vectors @ H.T @ H, vectors, atol=1e-4)


@pytest.mark.parametrize("offset", [0, 1, 100])
@pytest.mark.parametrize("count", [1, 5, 100])
def test_few_of_many_directions_are_nearly_as_good(offset, count, monkeypatch):
    """With few spare ones, and a mean that is far larger than the rest."""
    rng = np.random.default_rng(0)
    strengths = np.arange(1, 301) ** -0.5
    turn, _ = np.linalg.qr(rng.normal(size=(300, 300)))
    vectors = rng.normal(size=(400, 300)) * strengths @ turn + offset
    vectors = vectors.astype(np.float32)
    left = []
    for exact in (300, 0):
        monkeypatch.setattr(module, "EXACT_DIM", exact)
        monkeypatch.setattr(module, "SPARE", 8)
        H, outside = strong_directions(vectors, count)
        exactly = vectors.astype(np.float64)
        gap = exactly - exactly @ H.T @ H
        left.append(np.square(gap).sum() / len(vectors))
        assert outside == pytest.approx(left[-1], rel=0.02, abs=1e-5 * offset)
    assert left[1] < 1.03 * left[0]
