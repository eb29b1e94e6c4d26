"""Tests that sums are those of the values, however these are packed."""

import numpy as np
import pytest
import tensorflow as tf

from kd_keras.codes.packing import pack_codes
from kd_keras.export.litert import sum_of_values as module
from kd_keras.export.litert.sum_of_values import sum_of_values


@pytest.mark.parametrize("D", [1, 2, 3, 4, 5, 7, 16])
@pytest.mark.parametrize("K", [2, 3, 5, 8, 16, 17, 33, 50, 64, 100, 256, 300])
@pytest.mark.parametrize("n", [1, 3])
def test_sums(K, D, n, monkeypatch):
    # As if 20 symbols were many.
    monkeypatch.setattr(module, "FEWEST_FOR_WORDS", 20)
    rng = np.random.default_rng(0)
    codes = rng.integers(0, K, (20, D))
    codes[0], codes[1] = 0, K - 1
    values = rng.normal(size=(D, K, n)).astype(np.float32)
    found = sum_of_values(
        tf.constant(values.reshape(D * K, n)),
        tf.constant(pack_codes(codes, K).T),
        K,
        D,
    )
    wanted = sum(values[j, codes[:, j]] for j in range(D))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
