"""Subclassed models without a `get_config`."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from replaced_models import IDS, SIZE, N, exact, table
from subclassed_models import (
    Block,
    Built,
    Nested,
    Plain,
    WithSequential,
    made,
    table_of,
)

import kd_keras


@pytest.mark.parametrize("kind", [Plain, Built, Nested, WithSequential])
def test_it_is_copied_with_all_that_it_has(kind):
    model = made(kind)
    wanted = np.array(model(IDS))
    coded = exact(table_of(model))
    small = kd_keras.replace_layers(model, {table_of(model): coded})
    assert type(small) is kind and small.name == model.name
    assert isinstance(table_of(small), kd_keras.KDEmbedding)
    np.testing.assert_allclose(small(IDS), wanted, atol=1e-5)
    # Nothing is shared.
    before = [x.numpy() for x in model.weights]
    small.compile("sgd", "mse")
    small.fit(IDS, np.ones((*IDS.shape, 2)), epochs=2, verbose=0)
    assert np.abs(np.array(small(IDS)) - wanted).max() > 1e-3
    for kept, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(kept, weight.numpy())
    np.testing.assert_allclose(model(IDS), wanted, atol=1e-6)
    # And a copy can be copied.
    frozen = kd_keras.freeze(small)
    np.testing.assert_allclose(frozen(IDS), small(IDS), atol=1e-6)


def test_parts_are_those_of_the_copy():
    model = made(Plain)
    model.noise.next()
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    assert small.last_layer is small.stack[-1] is not model.stack[-1]
    assert small.chosen.__self__ is small
    assert small.words.mask_zero
    assert [x.name for x in small.metrics] == [x.name for x in model.metrics]
    assert small.loss_tracker is not model.loss_tracker
    state = small.noise.state.numpy()
    np.testing.assert_array_equal(state, model.noise.state.numpy())
    assert small.noise.state is not model.noise.state
    assert not any(x is small.shift for x in small.trainable_weights)


def test_tied_layers_stay_tied():
    class Tied(keras.Model):
        def __init__(self):
            super().__init__()
            self.words, self.out = table(), layers.Dense(N)

        def call(self, ids):
            return self.out(self.words(ids))

    model = made(Tied)
    coded = kd_keras.KDEmbedding(N, SIZE, 4, 2, name="coded")
    coded.build()
    logits = kd_keras.KDLogits(N, embedding=coded)
    logits.build((None, SIZE))
    small = kd_keras.replace_layers(model, {"words": coded, model.out: logits})
    assert small.out.embedding is small.words
    np.testing.assert_allclose(
        small(IDS), logits(coded(IDS)), rtol=1e-5, atol=1e-5
    )


def test_codes_that_are_learned_are_frozen():
    class Learning(keras.Model):
        def __init__(self, *given):
            super().__init__()
            self.words = kd_keras.KDEmbedding(N, SIZE, 4, 2, codes="learn")
            self.blocks = [Block(SIZE, 1)]

        def call(self, ids):
            return self.blocks[0](self.words(ids))

    model = Learning(1)
    model(IDS)
    frozen = kd_keras.freeze(model)
    assert frozen.words.learner is None
    np.testing.assert_allclose(frozen(IDS), model(IDS), atol=1e-6)


class Order(keras.Model):
    """Keras knows its layers in another order than that of attributes."""

    def __init__(self):
        super().__init__()
        self.a, self.blocks, self.w = None, [], None
        self.words = table()
        self.b = layers.Dense(SIZE)
        self.blocks.append(layers.Dense(SIZE))
        self.a = layers.Dense(SIZE)
        self.v = self.add_weight(shape=(SIZE,), name="v")
        self.w = self.add_weight(shape=(SIZE,), name="w")
        self.add_weight(shape=(2,), name="hidden")

    def call(self, ids):
        x = self.a(self.words(ids)) * self.v
        return self.b(self.blocks[0](x)) + self.w


class Frozen(Order):
    def __init__(self):
        super().__init__()
        self.trainable = False


class Drawn(layers.Layer):
    """Draws and is given what no configuration tells."""

    def __init__(self):
        super().__init__()
        self.drawn = np.random.default_rng().normal(size=(SIZE,))
        self.factor = 1.0

    def call(self, x):
        return x * self.drawn * self.factor


class WithDrawn(keras.Model):
    def __init__(self):
        super().__init__()
        self.words, self.last = table(), Drawn()
        self.last.factor = 3.0
        self.aux = layers.Dense(2)  # is not built

    def call(self, ids, aux=False):
        x = self.last(self.words(ids))
        return self.aux(x) if aux else x


@pytest.mark.filterwarnings("ignore:.*`build")  # of `aux`
@pytest.mark.parametrize("kind", [Order, Frozen, WithDrawn])
def test_weights_and_states_are_those_of_the_same_layer(kind):
    model = made(kind)
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-5)
    kept = {x.path: x.trainable for x in small.weights}
    for weight in model.weights:
        if "words" not in weight.path:
            assert kept.get(weight.path, weight.trainable) == weight.trainable
    assert len(small.trainable_weights) == len(model.trainable_weights)
    assert [x.built for x in small.layers] == [x.built for x in model.layers]
    if kind is WithDrawn:
        assert small(IDS, aux=True).shape[-1] == 2


def test_what_a_functional_model_was_given_since_is_kept():
    model = keras.Sequential([keras.Input((5,)), table(), Drawn()])
    model.layers[1].factor = 3.0
    small = kd_keras.replace_layers(model, {"words": exact(model.layers[0])})
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-5)


def test_own_weights_keep_their_settings():
    class Own(Plain):
        def __init__(self):
            super().__init__()
            self.own = self.add_weight(
                shape=(3,),
                regularizer="l2",
                constraint="non_neg",
                autocast=False,
            )

    model = made(Own)
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    assert len(small.losses) == len(model.losses) == 1
    assert isinstance(small.own.constraint, keras.constraints.NonNeg)
    assert small.own._autocast is False and small.own.path == model.own.path


def test_a_model_that_keeps_a_history_or_a_lambda_metric():
    class Own(Plain):
        def __init__(self):
            super().__init__()
            self.history = layers.Dense(3)
            self.history.build((None, 2))
            self.error = keras.metrics.MeanMetricWrapper(lambda a, b: a - b)

    model = made(Own)
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    assert isinstance(small.history, layers.Dense)
    assert small.history is not model.history


class Part(layers.Layer):
    """Its configuration leaves out some of its arguments."""

    def __init__(self, units, activation="relu", rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units, activation=activation)
        self.dropout = layers.Dropout(rate)

    def call(self, x):
        return self.dropout(self.dense(x))

    def get_config(self):
        return super().get_config() | {"units": self.units}


def test_a_configuration_that_leaves_something_out():
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), table(), Part(SIZE, "tanh", 0.5)]
    )
    model.layers[1].dense.bias.trainable = False
    small = kd_keras.replace_layers(model, {"words": exact(model.layers[0])})
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-5)
    assert small.layers[1].dropout.rate == 0.5
    assert not small.layers[1].dense.bias.trainable


def test_the_recommender_of_a_tutorial_is_made_small(tmp_path):
    class Recommender(keras.Model):
        def __init__(self, users, films, size, **kwargs):
            super().__init__(**kwargs)
            self.user = layers.Embedding(users, size, name="users")
            self.film = layers.Embedding(films, size, name="films")
            self.bias = layers.Embedding(films, 1)

        def call(self, pairs):
            user, film = self.user(pairs[:, 0]), self.film(pairs[:, 1])
            dot = ops.sum(user * film, axis=1, keepdims=True)
            return ops.sigmoid(dot + self.bias(pairs[:, 1]))

    rng = np.random.default_rng(0)
    pairs = np.stack([rng.integers(0, n, 200) for n in (600, 900)], axis=1)
    model = Recommender(600, 900, 16)
    model.compile("adam", "binary_crossentropy")
    model.fit(pairs, rng.integers(0, 2, (200, 1)), verbose=0)
    small = kd_keras.compress(model, "60%", pairs, effort=0, verbose=0)
    assert isinstance(small, Recommender) and small.compiled
    given = {"quantization": "int8", "example": pairs}
    before = kd_keras.size_report(model, "int8")
    assert kd_keras.size_report(small, "int8").total < before.total
    assert kd_keras.export_litert(
        small, tmp_path / "small.tflite", **given
    ).total
