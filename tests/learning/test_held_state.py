"""What two layers may hold, and what a copy must not share."""

import collections
import dataclasses
import functools
import pathlib
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from replaced_models import IDS, SIZE, exact, table
from subclassed_models import (
    Plain,
    made,
)

import kd_keras


class Helper:
    def __init__(self, layer):
        self.layer = layer


@dataclasses.dataclass(frozen=True)
class Settings:
    size: int = SIZE
    activation: object = functools.partial(ops.gelu, approximate=True)


def closure(x):
    return lambda y: (x, y)


def default(x):
    return lambda y, x=x: (x, y)


@pytest.mark.parametrize(
    "attribute",
    [
        lambda model: Helper(model.words),
        lambda model: [{"a": Helper([model.words])}],
        lambda model: closure(model.words),
        lambda model: default(model.words),
        lambda model: functools.partial(closure, model.words),
        lambda model: closure(Helper(model.shift)),
        lambda model: Helper(keras.optimizers.SGD()),
        lambda model: tf.function(model.first),
        lambda model: tf.function(lambda x: model.words(x)),
        lambda model: collections.deque([model.words]),
        lambda model: np.array([model.words, None], dtype=object),
        lambda model: weakref.ref(model.words),
        lambda model: tf.random.Generator.from_seed(1),
        lambda model: tf.Variable(1.0),
        lambda model: Helper(keras.metrics.Mean()).layer.update_state,
    ],
)
def test_what_may_hold_layers_or_weights_is_refused(attribute):
    model = made(Plain)
    model.extra = attribute(model)
    coded = exact(model.words)
    with pytest.raises(ValueError, match="'extra' of .*may hold layers"):
        kd_keras.replace_layers(model, {"words": coded})


@pytest.mark.parametrize(
    "value",
    [
        Settings(),
        closure(3),
        functools.partial(ops.gelu),
        tf.nn.gelu,
        tf.float32,
        pathlib.Path("a"),
        slice(3),
        keras.losses.MeanSquaredError(),
        tf.constant([1.0]),
        Helper(1),
    ],
)
def test_what_holds_none_is_taken_as_it_is(value):
    model = made(Plain)
    model.extra = value
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    assert small.extra is value


def test_arrays_are_copied():
    model = made(Plain)
    model.extra = [np.ones(3)]
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    model.extra[0][:] = 5
    np.testing.assert_array_equal(small.extra[0], np.ones(3))


def test_optimizers_are_made_anew():
    model = made(Plain)
    model.own = keras.optimizers.Adam(0.02, beta_1=0.5)
    model.own.build(model.trainable_variables)
    model.others = [keras.optimizers.SGD(0.1), model.own]
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    assert small.own.get_config() == model.own.get_config()
    assert isinstance(small.others[0], keras.optimizers.SGD)
    assert small.others[1] is small.own is not model.own
    assert not small.own.built  # its variables are not those of the copy


class OnVariable(layers.Layer):
    def __init__(self, kernel):
        super().__init__()
        self.kernel = kernel

    def call(self, x):
        return ops.matmul(x, ops.transpose(self.kernel))


@pytest.mark.parametrize("part", ["words", "dense"])
def test_a_weight_that_two_layers_hold_is_refused(part):
    class Tied(keras.Model):
        def __init__(self):
            super().__init__()
            self.words, self.dense = table(), layers.Dense(SIZE)
            self.words.build()
            self.dense.build((None, SIZE))
            kernel = getattr(self, part).weights[0]
            self.head = OnVariable(kernel)

        def call(self, ids):
            return self.head(self.dense(self.words(ids)))

    model = made(Tied)
    with pytest.raises(ValueError, match="holds a weight of another layer"):
        kd_keras.replace_layers(model, {"words": exact(model.words)})


def test_a_lambda_that_uses_a_layer_is_refused():
    used = layers.Dense(SIZE)
    used.build((None, SIZE))
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            table(),
            layers.Lambda(lambda x: used(x), output_shape=(5, SIZE)),
        ]
    )
    with pytest.raises(ValueError, match="Lambda whose function uses no"):
        kd_keras.replace_layers(model, {"words": exact(model.layers[0])})


def test_what_several_layers_hold_is_one_in_the_copy():
    class Head(layers.Layer):
        def __init__(self, metric, seeds):
            super().__init__()
            self.metric, self.seeds = metric, seeds

        def call(self, x):
            return x

    class Shared(keras.Model):
        def __init__(self):
            super().__init__()
            self.words, self.dense = table(), layers.Dense(SIZE)
            self.inner = keras.Sequential([self.words, self.dense])
            self.factors = {self.dense: 2.0}
            self.mean = keras.metrics.Mean()
            self.seeds = keras.random.SeedGenerator(1)
            self.head = Head(self.mean, self.seeds)

        def call(self, ids):
            x = self.head(self.inner(ids)) + self.dense(self.words(ids))
            return x * self.factors[self.dense]

    model = made(Shared)
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-5)
    assert small.head.metric is small.mean is not model.mean
    assert small.head.seeds is small.seeds is not model.seeds
    assert small.inner.layers[0] is small.words
