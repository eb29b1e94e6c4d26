"""Tests of the training steps that a learner counts, wherever it is called.

The temperature that each step used is computed from the gradients
(`kd_testing.TemperatureProbe`), so these are tests of the gradients too.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kd_testing import D, K, N, TemperatureProbe, as_numpy, one_hot

import kd_keras

STEPS = 6


def check(probe, batch_size=1):
    """Trains a probe and checks the temperature of each step."""
    probe.fit(
        0,
        STEPS * batch_size,
        batch_size=batch_size,
        callbacks=[kd_keras.TemperatureSchedule(decay_rate=0.5)],
    )
    assert int(probe.learner.step.numpy()) == STEPS
    wanted = np.repeat(1 / (1 + 0.5 * np.arange(STEPS)), batch_size)
    used = probe.temperatures(batch_size)
    np.testing.assert_allclose(used, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "calls",
    [
        ("map",),
        ("vectorized_map",),
        ("cond",),
        ("scan",),
        ("recurrent",),
        ("plain", "recurrent"),
        ("scan", "cond", "plain", "map"),
    ],
    ids="-".join,
)
@pytest.mark.slow
def test_a_step_counts_once_in_loops_and_branches(calls):
    check(TemperatureProbe(2 * STEPS, calls, jit_compile=False), batch_size=2)


@pytest.mark.parametrize(
    "options",
    [
        {"jit_compile": True},
        {"calls": ("vectorized_map",), "jit_compile": True},
        {"run_eagerly": True},
        {"steps_per_execution": 4, "jit_compile": False},
    ],
    ids=str,
)
@pytest.mark.slow
def test_a_step_counts_once_in_any_training_loop(options):
    check(TemperatureProbe(STEPS, **{"calls": ("map", "plain")} | options))


def test_a_step_counts_once_on_replicas(strategy):
    with strategy.scope():
        probe = TemperatureProbe(
            2 * STEPS, ("recurrent", "plain"), jit_compile=False
        )
    check(probe, batch_size=2)


def test_a_step_counts_even_if_the_branch_is_not_taken():
    probe = TemperatureProbe(STEPS, ("not taken",), jit_compile=False)
    probe.fit(0, STEPS)
    assert int(probe.learner.step.numpy()) == STEPS
    assert np.isnan(probe.temperatures()).all()  # nothing was trained


@pytest.mark.slow
def test_mixed_precision_trains_in_a_loop():
    policy = "mixed_float16"
    embedding = kd_keras.KDEmbedding(N, 4, K, D, codes="learn", dtype=policy)
    model = keras.Sequential(
        [
            keras.Input((None, 1), dtype="int32"),
            keras.layers.TimeDistributed(embedding, dtype=policy),
        ]
    )
    optimizer = keras.optimizers.LossScaleOptimizer(
        kd_keras.LazyAdam(), initial_scale=8.0
    )
    model.compile(optimizer, "mse", jit_compile=False)
    before = np.array(as_numpy(embedding.learner.logits))  # not shared
    ids = np.arange(N).reshape(2, -1, 1)
    loss = model.fit(ids, np.ones((*ids.shape, 4)), batch_size=1, verbose=0)
    assert np.isfinite(loss.history["loss"]).all()
    assert int(embedding.learner.step.numpy()) == 2
    assert (as_numpy(embedding.learner.logits) != before).any()


def test_a_custom_loop_counts_each_of_its_steps():
    probe = TemperatureProbe(STEPS, ("map",))

    @tf.function
    def train(ids):
        for i in tf.range(STEPS):  # the model itself is called in a loop
            probe.model(ids[i][None], training=True)

    train(tf.range(STEPS))
    assert int(probe.learner.step.numpy()) == STEPS


def test_the_functions_of_a_dataset_leave_nothing_behind():
    learner = kd_keras.KDCodeLearner(N, K, D)
    learner.build()
    ids = tf.data.Dataset.from_tensors(np.arange(N))
    for training in (False, True):
        (codes,) = ids.map(lambda ids, t=training: learner(ids, training=t))
        np.testing.assert_array_equal(codes, one_hot(learner.codes))
    learner(np.arange(N), training=True)


def test_a_call_that_keras_does_not_see_leaves_no_context():
    learner = kd_keras.KDCodeLearner(N, K, D)
    learner.build()
    learner.call(np.arange(N), training=True)
    # Were it inside a call, this layer would inherit its training mode.
    dropped = keras.layers.Dropout(0.5)(np.ones(100))
    np.testing.assert_array_equal(dropped, np.ones(100))
