"""The bound of `benchmarks/code_learning.py`."""

from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bound(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from rate_distortion import rate_distortion

    return rate_distortion


def with_variances(variances, count=400):
    """Vectors whose covariance has exactly these eigenvalues."""
    rng = np.random.default_rng(0)
    white = rng.normal(size=(count, len(variances)))
    white -= white.mean(axis=0)
    white, _ = np.linalg.qr(white)
    turn, _ = np.linalg.qr(rng.normal(size=(len(variances),) * 2))
    return np.sqrt(count) * white * np.sqrt(variances) @ turn


def test_white_vectors(bound):
    # Every dimension gets bits / d, and each bit quarters its error.
    vectors = with_variances([2.0] * 5)
    assert bound(vectors, 20) == pytest.approx(5 * 2.0 / 4**4)
    assert bound(vectors, 0) == pytest.approx(10.0)


def test_weak_dimensions_get_no_bits(bound):
    vectors = with_variances([16.0, 1.0])
    assert bound(vectors, 1) == pytest.approx(16 / 4 + 1)
    # Two bits bring the first down to the second; then both share.
    assert bound(vectors, 2) == pytest.approx(2.0)
    assert bound(vectors, 4) == pytest.approx(2 / 4)


@pytest.mark.parametrize("bits", [1, 7, 40, 200])
def test_equals_the_water_level_found_by_bisection(bound, bits):
    variances = np.random.default_rng(1).lognormal(size=12)
    low, high = 1e-40, variances.max()
    for _ in range(300):
        level = np.sqrt(low * high)
        rate = 0.5 * np.log2(np.maximum(variances / level, 1)).sum()
        low, high = (level, high) if rate > bits else (low, level)
    want = np.minimum(variances, level).sum()
    assert bound(with_variances(variances), bits) == pytest.approx(want)
