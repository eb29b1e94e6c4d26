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


def check(N, D, K, width, training=True):
    """Checks sums, their gradient and the derivative of that."""
    rng = np.random.default_rng(N + D + K)
    table = rng.normal(size=(D, K, width)).astype("float32")
    codes = rng.integers(0, K, (N, D)).astype("int32")
    upstream = rng.normal(size=(N, width)).astype("float32")
    x, u = tf.constant(table), tf.constant(upstream)
    with tf.GradientTape() as outer:
        outer.watch(u)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = sum_of_rows(x, tf.constant(codes), training)
        gradient = tape.gradient(total, x, u)
    again = outer.gradient(gradient, u, table)
    positions = np.arange(D)
    sums = table[positions, codes].sum(axis=1)
    np.testing.assert_allclose(total, sums, atol=1e-5)
    want = np.zeros_like(table)
    np.add.at(want, (positions, codes), upstream[:, None])
    np.testing.assert_allclose(gradient, want, atol=1e-4)
    # The gradient is linear in what comes from above.
    np.testing.assert_allclose(again, sums, atol=1e-5)


@settings(deadline=None, max_examples=20, derandomize=True)
@given(st.integers(1, 9), st.integers(1, 8), st.integers(1, 7), st.booleans())
def test_sums_and_gradients(K, D, width, training):
    check(12, D, K, width, training)


@settings(deadline=None, max_examples=8, derandomize=True)
@given(st.integers(1, 5), st.integers(1, 9))
def test_positions_that_are_paired(K, D):
    table, codes = module.paired(
        tf.zeros((D, K, 2)), tf.zeros((1000, D), "int32")
    )
    assert codes.shape[1] == table.shape[0] <= (D if D % 2 else D // 2)
    check(1000, D, K, 2)


def test_more_rows_times_symbols_than_int32_has():
    check(2**16, 1, 2**15 + 1, 1)
