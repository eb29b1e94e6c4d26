"""Tests of what `freeze` can copy, and that it leaves the original as it is."""

import functools

import keras
import numpy as np
import pytest

import kd_keras
from kd_keras import KDEmbedding
from kd_keras.learning.copy_model import are_close


def learning(**arguments):
    return KDEmbedding(20, 8, K=4, D=3, codes="learn", **arguments)


@pytest.mark.parametrize("composition", ["linear", "residual"])
@pytest.mark.parametrize(
    "policy", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16"]
)
@pytest.mark.slow
def test_models_of_any_precision_are_copied(policy, composition):
    model = keras.Sequential(
        [
            learning(composition=composition, dtype=policy),
            keras.layers.Dense(4, dtype=policy),
        ]
    )
    ids = np.arange(20)[None]
    model(ids)
    small = kd_keras.freeze(model)
    assert small.layers[0].dtype_policy.name == policy
    wanted, found = (
        keras.ops.convert_to_numpy(m(ids)).astype(np.float64)
        for m in (model, small)
    )
    np.testing.assert_allclose(found, wanted, atol=0.05 * abs(wanted).max())


@pytest.mark.slow
def test_deep_models_are_copied():
    # Each normalization enlarges what rounding differs by.
    layers = [learning(), keras.layers.GlobalAveragePooling1D()]
    for _ in range(48):
        layers += [keras.layers.Dense(8), keras.layers.LayerNormalization()]
    model = keras.Sequential(layers)
    model(np.array([[1, 2, 3]]))
    assert kd_keras.freeze(model).count_params() < model.count_params()


@keras.saving.register_keras_serializable(package="tests")
class Counter(keras.layers.Layer):
    def build(self, shape):
        self.count = self.add_weight(
            shape=(), initializer="zeros", trainable=False
        )

    def call(self, inputs):
        self.count.assign_add(1.0)
        return inputs + 0 * self.count


def test_the_state_of_neither_is_moved_by_copying():
    model = keras.Sequential([keras.Input((3,)), learning(), Counter()])
    before = [v.numpy() for v in model.variables]
    small = kd_keras.freeze(model)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    np.testing.assert_array_equal(
        small.layers[-1].count, model.layers[-1].count
    )


def test_a_stateful_rnn_that_has_run_is_copied():
    model = keras.Sequential(
        [
            keras.Input((3,), batch_size=2),
            learning(),
            keras.layers.LSTM(4, stateful=True),
        ]
    )
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    first = np.asarray(model(ids))
    states = [np.asarray(x) for x in model.layers[-1].states]
    small = kd_keras.freeze(model)
    for state, value in zip(model.layers[-1].states, states, strict=True):
        np.testing.assert_array_equal(np.asarray(state), value)
    np.testing.assert_allclose(small(ids), first, rtol=1e-5, atol=1e-6)


def test_what_the_model_was_compiled_with_need_not_be_serializable():
    model = keras.Sequential([keras.Input((3,)), learning()])
    loss = functools.partial(keras.losses.mean_squared_error)
    model.compile("sgd", loss)
    assert not kd_keras.freeze(model).compiled


def test_a_class_that_was_defined_again_is_not_taken_for_the_first():
    def define(factor):
        @keras.saving.register_keras_serializable(package="tests")
        class Times(keras.layers.Layer):
            def call(self, inputs):
                return factor * inputs

        return Times()

    model = keras.Sequential([keras.Input((3,)), learning(), define(2.0)])
    define(3.0)
    ids = np.array([[1, 2, 3]])
    np.testing.assert_allclose(kd_keras.freeze(model)(ids), model(ids), 1e-6)
    both = keras.Sequential([*model.layers, define(3.0)])
    both(ids)
    with pytest.raises(ValueError, match="two of the name tests>Times"):
        kd_keras.freeze(both)


def test_a_copy_never_holds_logits(monkeypatch):
    model = keras.Sequential([keras.Input((3,)), learning()])
    made = []
    monkeypatch.setattr(
        kd_keras.KDCodeLearner,
        "build",
        lambda self, shape=None: made.append(self),
    )
    kd_keras.freeze(model)
    assert not made


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0], [1.0, 2.1], False),
        ([1.0, -np.inf], [1.0, -np.inf], True),  # a mask of attention
        ([1.0, -np.inf], [2.0, -np.inf], False),
        ([1.0, np.inf], [1.0, -np.inf], False),
        ([np.nan, 1.0], [np.nan, 1.0], True),
        ([np.nan, np.nan], [np.nan, 1.0], False),
        ([], [], True),
    ],
)
def test_close_outputs(a, b, expected):
    found = are_close(np.float32(a), np.float32(b))
    assert found == expected
