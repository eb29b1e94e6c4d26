"""Tests of sums of rows, and of the choice between two ways to logits."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_keras.layers.compositions import sum_of_rows as module
from kd_keras.layers.compositions.sum_of_rows import sum_of_rows


def test_a_batch_of_unknown_size_does_not_compose_a_huge_table():
    assert not module.few_positions(None, 10_000, 32, 200, 200)
    assert module.few_positions(None, 1_000_000, 32, 256, 256)


@settings(deadline=None, max_examples=20, derandomize=True)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 7), st.booleans())
def test_sum_of_rows_and_its_gradient(R, positions, width, one_hot):
    rng = np.random.default_rng(R)
    table = rng.normal(size=(R, width)).astype("float32")
    rows = rng.integers(0, R, (12, positions)).astype("int32")
    upstream = rng.normal(size=(12, width)).astype("float32")
    most = module.MOST_ONE_HOT
    module.MOST_ONE_HOT = most if one_hot else 0
    try:
        x = tf.constant(table)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = sum_of_rows(x, tf.constant(rows))
        gradient = tape.gradient(total, x, upstream)
    finally:
        module.MOST_ONE_HOT = most
    np.testing.assert_allclose(total, table[rows].sum(axis=1), atol=1e-5)
    want = np.zeros_like(table)
    np.add.at(want, rows, upstream[:, None])
    np.testing.assert_allclose(gradient, want, atol=1e-5)
