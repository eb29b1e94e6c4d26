"""Tests of the estimator: exact codes forward, tempered softmax backward."""

import numpy as np
import pytest
import tensorflow as tf
from kd_testing import one_hot, softmax

from kd_keras import smooth_code, straight_through

TEMPERATURES = [3.0, 1.0, 0.3, 0.05]


def random_logits(*shape):
    return np.random.default_rng(0).normal(size=shape)


def gradient(logits, upstream, *temperature, estimate=straight_through):
    logits, upstream = map(tf.convert_to_tensor, (logits, upstream))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        output = estimate(logits, *temperature)
    return tape.gradient(output, logits, output_gradients=upstream)


def softmax_gradient(logits, upstream, temperature):
    # The Jacobian of softmax(l / T), row by row: (diag(z) - z z^T) / T.
    result = np.empty_like(logits)
    for index in np.ndindex(logits.shape[:-1]):
        zeta = softmax(logits[index] / temperature)
        jacobian = (np.diag(zeta) - np.outer(zeta, zeta)) / temperature
        result[index] = upstream[index] @ jacobian
    return result


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_forward_is_one_hot_to_the_last_bit(jit, dtype):
    logits = random_logits(50, 3, 7).astype(dtype)
    estimate = tf.function(straight_through, jit_compile=jit)
    output = estimate(logits, 0.1).numpy()
    assert output.dtype == dtype
    np.testing.assert_array_equal(output, one_hot(logits.argmax(-1), 7))


def test_a_tie_goes_to_the_lowest_value(jit):
    estimate = tf.function(straight_through, jit_compile=jit)
    output = estimate(np.array([[1.0, 2, 2], [0, 0, 0], [3, -1, 3]]))
    np.testing.assert_array_equal(output, one_hot([1, 0, 0], 3))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_gradient_is_that_of_the_tempered_softmax(jit, temperature):
    logits, upstream = random_logits(2, 5, 3, 7)
    compiled = tf.function(gradient, jit_compile=jit)
    np.testing.assert_allclose(
        compiled(logits, upstream, temperature),
        softmax_gradient(logits, upstream, temperature),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_gradient_equals_finite_differences(temperature):
    logits, upstream = random_logits(2, 3, 4)

    def relaxed(logits):
        return np.sum(upstream * softmax(logits / temperature))

    step = 1e-6
    differences = np.empty_like(logits)
    for index in np.ndindex(logits.shape):
        shift = np.zeros_like(logits)
        shift[index] = step
        differences[index] = relaxed(logits + shift) - relaxed(logits - shift)
    np.testing.assert_allclose(
        gradient(logits, upstream, temperature),
        differences / (2 * step),
        rtol=1e-5,
        atol=1e-7,
    )


def test_gradient_is_finite_at_a_tiny_temperature_and_large_logits():
    logits = np.array([[1e4, -1e4, 0]])
    result = gradient(logits, np.ones_like(logits), 1e-3)
    np.testing.assert_array_equal(result, np.zeros((1, 3)))


def test_a_temperature_tensor_changes_without_retracing(jit):
    logits, upstream = random_logits(2, 4, 5)
    traces = []

    @tf.function(jit_compile=jit)
    def compiled(temperature):
        traces.append(temperature)
        return gradient(logits, upstream, temperature)

    for temperature in TEMPERATURES:
        np.testing.assert_allclose(
            compiled(tf.constant(temperature, "float64")),
            softmax_gradient(logits, upstream, temperature),
            rtol=1e-9,
            atol=1e-12,
        )
    assert len(traces) == 1


def test_nothing_is_learned_about_the_temperature():
    temperature = tf.constant(0.5)
    with tf.GradientTape() as tape:
        tape.watch(temperature)
        output = straight_through(tf.constant([[0.1, 0.4]]), temperature)
        loss = tf.reduce_sum(output * [[1.0, 2.0]])
    assert tape.gradient(loss, temperature).numpy() == 0


def test_temperature_defaults_to_one():
    logits, upstream = random_logits(2, 4, 5)
    np.testing.assert_allclose(
        gradient(logits, upstream), softmax_gradient(logits, upstream, 1.0)
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_smooth_code_is_the_tempered_softmax_both_ways(jit, temperature):
    logits, upstream = random_logits(2, 5, 3, 7)
    relaxed = tf.function(smooth_code, jit_compile=jit)
    np.testing.assert_allclose(
        relaxed(logits, temperature), softmax(logits / temperature), rtol=1e-9
    )
    np.testing.assert_allclose(
        gradient(logits, upstream, temperature, estimate=smooth_code),
        softmax_gradient(logits, upstream, temperature),
        rtol=1e-9,
        atol=1e-12,
    )
