"""Layers of a user's own classes that take no arguments of Keras."""

import keras
import numpy as np
import pytest
from keras import layers
from replaced_models import IDS, SIZE, STEPS, N, exact, table

import kd_keras


class Block(layers.Layer):
    """As in Keras' tutorials: neither `get_config` nor `**kwargs`."""

    def __init__(self, units):
        super().__init__()
        self.inner = layers.Dense(units)
        self.other = layers.LayerNormalization()

    def call(self, inputs):
        return self.other(inputs + self.inner(inputs))


class Named(Block):
    def __init__(self, units, name=None):
        layers.Layer.__init__(self, name=name)
        self.inner = layers.Dense(units)
        self.other = layers.LayerNormalization()


def functional(kind):
    ids = keras.Input((STEPS,), dtype="int32")
    return keras.Model(ids, layers.Dense(2)(kind(SIZE)(table()(ids))))


def sequential(kind):
    return keras.Sequential(
        [keras.Input((STEPS,)), table(), kind(SIZE), layers.Dense(2)]
    )


def states(model):
    """Tells all that a copy should share of each layer of the user's."""
    return [
        (x.name, x.trainable, x.dtype_policy.name)
        for x in model._flatten_layers()
        if x.name != "words" and not isinstance(x, layers.InputLayer)
    ]


def as_array(model):
    return np.asarray(keras.ops.convert_to_numpy(model(IDS)), np.float32)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", [Block, Named])
@pytest.mark.parametrize("make", [functional, sequential])
def test_they_are_copied_as_they_are(make, kind, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = make(kind)
    finally:
        keras.config.set_dtype_policy(before)
    block = next(x for x in model.layers if isinstance(x, Block))
    block.inner.trainable = False
    words = {"words": exact(model.get_layer("words"))}
    small = kd_keras.replace_layers(model, words)
    frozen = kd_keras.freeze(small)
    assert keras.config.dtype_policy() == before
    for copy in (small, frozen):
        assert type(copy.get_layer(block.name)) is kind
        kept = [x for x in states(copy) if "composition" not in x[0]]
        assert set(states(model)[1:]) <= set(kept)
        np.testing.assert_allclose(as_array(copy), as_array(model), atol=1e-6)


def test_a_block_that_is_not_trainable_stays_so():
    model = sequential(Block)
    model.layers[1].trainable = False
    words = {"words": exact(model.get_layer("words"))}
    small = kd_keras.replace_layers(model, words)
    assert not small.layers[1].trainable
    assert len(small.trainable_weights) == len(model.trainable_weights)


def test_a_subclassed_model_is_frozen():
    class Net(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.words = kd_keras.KDEmbedding(N, units, 4, 2)
            self.block = Block(units)

        def call(self, inputs):
            return self.block(self.words(inputs))

        def get_config(self):
            return {"units": SIZE, "trainable": True}

    model = Net(SIZE)
    model(IDS)
    frozen = kd_keras.freeze(model)
    assert frozen.name == model.name
    np.testing.assert_allclose(as_array(frozen), as_array(model), atol=1e-6)


class Matrix(keras.initializers.Constant):
    def get_config(self):
        raise AssertionError("all numbers of the table would be written")


def test_a_matrix_that_a_table_began_with_is_not_written():
    rng = np.random.default_rng(0)
    model = keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            table(embeddings_initializer=Matrix(rng.normal(size=(N, SIZE)))),
            layers.Dense(2),
        ]
    )
    words = model.get_layer("words")
    given = words.embeddings_initializer
    small = kd_keras.replace_layers(model, {"words": exact(words)})
    assert words.embeddings_initializer is given
    np.testing.assert_allclose(as_array(small), as_array(model), atol=1e-6)
