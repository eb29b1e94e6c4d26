"""Tests of the layer that learns codes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kd_testing import D, K, N, as_numpy, one_hot, softmax

import kd_keras


def learner(**options):
    options = {"logits_initializer": "random_normal"} | options
    layer = kd_keras.KDCodeLearner(N, K, D, **options)
    layer.build()
    return layer


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
def test_output_is_the_one_hot_code_of_each_id(shape, training):
    layer = learner()
    ids = np.random.default_rng(0).integers(0, N, shape)
    output = as_numpy(layer(ids, training=training))
    np.testing.assert_array_equal(output, one_hot(layer.codes[ids]))


def test_codes_are_where_the_logits_are_largest():
    layer = learner()
    codes = as_numpy(layer.logits).argmax(axis=-1)
    np.testing.assert_array_equal(layer.codes, codes)
    assert layer.codes.dtype == "uint8"
    assert kd_keras.KDCodeLearner(2, K=300, D=1).codes.dtype == "uint16"


def test_a_tie_is_the_lowest_value_in_the_codes_and_in_the_output():
    layer = learner(logits_initializer="zeros")
    assert not layer.codes.any()
    np.testing.assert_array_equal(layer(np.arange(N)), one_hot(layer.codes))


def gradient_of_logits(layer, ids, upstream):
    with tf.GradientTape() as tape:
        output = layer(ids, training=True)
    logits = layer.logits.value
    return tape.gradient(output, logits, output_gradients=upstream)


def test_gradient_is_the_tempered_softmax_of_the_gathered_rows():
    layer = learner()
    layer.set_schedule(0.4, 0.0, 0.01, "inverse_time")
    upstream = np.random.default_rng(0).normal(size=(3, D, K)).astype("float32")
    ids = np.array([7, 2, 7])
    gradient = gradient_of_logits(layer, ids, tf.constant(upstream))
    assert isinstance(gradient, tf.IndexedSlices)
    expected = np.zeros((N, D, K))
    for row, id in enumerate(ids):
        zeta = softmax(as_numpy(layer.logits)[id] / 0.4)
        inner = np.sum(upstream[row] * zeta, axis=-1, keepdims=True)
        expected[id] += zeta / 0.4 * (upstream[row] - inner)
    np.testing.assert_allclose(
        tf.convert_to_tensor(gradient), expected, rtol=1e-4, atol=1e-6
    )


def test_the_smooth_estimator_is_soft_in_training_and_hard_outside():
    layer = learner(estimator="smooth")
    layer.set_schedule(0.4, 0.0, 0.01, "inverse_time")
    ids = np.arange(N)
    soft = softmax(as_numpy(layer.logits) / 0.4)
    np.testing.assert_allclose(layer(ids, training=True), soft, rtol=1e-5)
    np.testing.assert_array_equal(layer(ids), one_hot(layer.codes))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_has_the_codes_of_float32(policy):
    # 40 logits in [0, 1) with differences too small for bfloat16.
    values = 0.9 + np.random.default_rng(0).normal(size=(N, D, K)) * 1e-4
    layers = learner(), learner(dtype=policy)
    for layer in layers:
        layer.logits.assign(values)
    np.testing.assert_array_equal(layers[0].codes, layers[1].codes)
    outputs = [layer(np.arange(N)) for layer in layers]
    assert outputs[1].dtype == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(
        *(keras.ops.cast(output, "float32") for output in outputs)
    )


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_ids_of_any_dtype(dtype):
    layer = learner()
    np.testing.assert_array_equal(
        layer(np.arange(N).astype(dtype)), one_hot(layer.codes)
    )


def test_config_round_trip():
    layer = learner(estimator="smooth", name="phi")
    copy = kd_keras.KDCodeLearner.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    assert (copy.input_dim, copy.K, copy.D) == (N, K, D)
    assert (copy.estimator, copy.name) == ("smooth", "phi")


def test_weights_round_trip_keeps_codes_and_step(tmp_path):
    model = keras.Sequential([learner()])
    model(np.arange(3), training=True)
    model.save_weights(tmp_path / "saved.weights.h5")
    copy = keras.Sequential([kd_keras.KDCodeLearner(N, K, D)])
    copy.build((None,))
    copy.load_weights(tmp_path / "saved.weights.h5")
    np.testing.assert_array_equal(copy.layers[0].codes, model.layers[0].codes)
    assert int(copy.layers[0].step.numpy()) == 1


def test_only_training_calls_count_as_steps():
    layer = learner()
    ids = np.arange(3)
    layer(ids)
    layer(ids, training=True)
    layer(ids, training=False)
    layer(ids, training=True)
    assert int(layer.step.numpy()) == 2


def test_symbolic_output_shape():
    ids = keras.Input((None,), dtype="int32")
    assert learner()(ids).shape == (None, None, D, K)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"K": 1}, "K must be .* Received: K=1"),
        ({"K": 65_537}, "K must be .* Received: K=65537"),
        ({"D": 0}, "D must be .* Received: D=0"),
        ({"input_dim": 0}, "`input_dim` .* Received: input_dim=0"),
        ({"input_dim": 2.5}, "`input_dim` .* Received: input_dim=2.5"),
        ({"estimator": "gumbel"}, "`estimator` .* estimator='gumbel'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kd_keras.KDCodeLearner(**{"input_dim": N} | arguments)


def test_from_codes_begins_with_these_codes():
    given = np.random.default_rng(1).integers(0, K, (N, D))
    layer = kd_keras.KDCodeLearner.from_codes(given, K, 2.5, name="mine")
    np.testing.assert_array_equal(layer.codes, given)
    assert layer.name == "mine" and layer.estimator == "straight_through"
    logits = np.sort(as_numpy(layer.logits), axis=-1)
    assert (logits[..., -1] == 2.5).all() and not logits[..., :-1].any()
    # The promised probability of a given value.
    likely = softmax(logits / 0.5)[..., -1]
    np.testing.assert_allclose(
        likely, 1 / (1 + (K - 1) * np.exp(-2.5 / 0.5)), rtol=1e-5
    )


@pytest.mark.slow
def test_codes_that_were_given_can_change():
    targets = np.eye(K)[np.random.default_rng(2).integers(0, K, (N, D))]
    layer = kd_keras.KDCodeLearner.from_codes(np.zeros((N, D), int), K)
    model = keras.Sequential([layer])
    model.compile(kd_keras.LazyAdam(0.05), "mse")
    model.fit(np.arange(N), targets, batch_size=N, epochs=60, verbose=0)
    assert (layer.codes == targets.argmax(-1)).mean() > 0.9


@pytest.mark.parametrize(
    "codes, options, message",
    [
        ([[0, K]], {}, f"codes .*{K}"),
        ([0, 1], {}, r"shape \(N, D\)"),
        ([[0.5]], {}, "integer dtype"),
        ([[0]], {"margin": 0}, "`margin` .* Received: margin=0"),
        ([[0]], {"margin": np.nan}, "`margin` .* Received: margin=nan"),
        ([[0]], {"margin": np.inf}, "`margin` .* Received: margin=inf"),
        ([[0]], {"margin": 1e39}, "`margin` .* Received: margin=1e"),
        (np.zeros((0, 2), int), {}, r"at least one row.*shape=\(0, 2\)"),
        ([[0]], {"margin": "1"}, "`margin` .* Received: margin='1'"),
        ([[0]], {"margin": True}, "`margin` .* Received: margin=True"),
        ([[0]], {"estimator": "no"}, "`estimator` .*'no'"),
    ],
)
def test_from_codes_refuses(codes, options, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        kd_keras.KDCodeLearner.from_codes(codes, K, **options)
