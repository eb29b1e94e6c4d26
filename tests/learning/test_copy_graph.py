"""Graphs with layers that no configuration describes."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from replaced_models import IDS, SIZE, N, exact, table
from subclassed_models import WithSequential, Word, made, table_of

import kd_keras


@pytest.mark.filterwarnings("ignore:.*`build")  # Keras asks for a method
def test_layers_of_keras_around_own_ones():
    class Inner(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.dense = layers.Dense(units)

        def call(self, x):
            return self.dense(x)

    model = keras.Sequential(
        [keras.Input((5,)), table(), layers.TimeDistributed(Inner(3))]
    )
    model(IDS)  # only now is all of it built
    small = kd_keras.replace_layers(model, {"words": exact(model.layers[0])})
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-5)
    frozen = kd_keras.freeze(small)
    np.testing.assert_allclose(frozen(IDS), model(IDS), atol=1e-5)


class Places(layers.Layer):
    """As in a tutorial: adds places of a number that is not known yet."""

    def __init__(self):
        super().__init__()
        self.words, self.places = table(), layers.Embedding(100, SIZE)
        self.supports_masking = True

    def compute_mask(self, ids, mask=None):
        return ops.not_equal(ids, 0)

    def call(self, ids):
        places = ops.arange(ops.shape(ids)[-1])
        return self.words(ids) + self.places(places)


@pytest.mark.parametrize("kind", [Word, Places])
@pytest.mark.parametrize("form", ["functional", "sequential", "nested"])
def test_a_layer_in_a_graph_that_cannot_be_followed(kind, form):
    ids = keras.Input((None,), dtype="int32")
    if form == "functional":
        last = layers.Dense(3)
        hidden = layers.LSTM(4, return_sequences=True)(kind()(ids))
        hidden = ops.tanh(hidden) + 1  # operations that are no layers
        model = keras.Model(ids, [last(hidden), last(2 * hidden)])
    else:
        model = keras.Sequential([ids, kind(), layers.LSTM(4)])
    if form == "nested":
        model = keras.Model(ids, layers.Dense(2)(model(ids)))
    wanted = keras.tree.flatten(model(IDS))
    coded = exact(table_of(model))
    small = kd_keras.replace_layers(model, {"words": coded})
    for _ in range(2):  # the second time the original, which is unchanged
        for a, b in zip(keras.tree.flatten(small(IDS)), wanted, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
    own = {id(x) for x in model.variables}
    assert not any(id(x) in own for x in small.variables)
    assert [x.name for x in small.layers] == [x.name for x in model.layers]
    assert len(model.layers[1]._inbound_nodes) == 1


class Trained(keras.Model):
    def train_step(self, data):
        return {"loss": ops.convert_to_tensor(5.0)}


def test_a_functional_class_keeps_its_training():
    ids = keras.Input((5,), dtype="int32")
    model = Trained(ids, layers.Dense(2)(Word()(ids)))
    small = kd_keras.replace_layers(model, {"words": exact(table_of(model))})
    assert type(small) is Trained


def test_a_sequential_in_another_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = made(WithSequential)
    finally:
        keras.config.set_dtype_policy(before)
    words = {"words": exact(table_of(model))}
    small = kd_keras.replace_layers(model, words)
    assert small(IDS).dtype == model(IDS).dtype == "bfloat16"
    np.testing.assert_array_equal(
        np.float32(small(IDS)), np.float32(model(IDS))
    )


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("first", [0, 1])
def test_layers_of_one_name(count, first):
    ids = keras.Input((5,), dtype="int32")
    towers = [keras.Sequential([table()], name=name) for name in "ab"]
    model = keras.Model(ids, towers[0](ids) - towers[1](ids))
    words = [x.layers[0] for x in towers]
    for i, layer in enumerate(words):
        rng = np.random.default_rng(i)
        layer.set_weights([rng.normal(size=(N, SIZE))])
    replaced = (words if count == 2 else words[first : first + 1])[::-1]
    small = kd_keras.replace_layers(model, {x: exact(x) for x in replaced})
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-5)
    kinds = [type(small.get_layer(name).layers[0]) for name in "ab"]
    assert kinds.count(kd_keras.KDEmbedding) == count
    if count == 1:
        assert kinds[first] is kd_keras.KDEmbedding
