"""Subclassed models without a `get_config`."""

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
from replaced_models import IDS, SIZE, N, exact, table

import kd_keras


class Block(layers.Layer):
    def __init__(self, units, *given):  # Keras cannot tell what was given
        super().__init__()
        self.inner = layers.Dense(units)
        self.gains = [self.add_weight(shape=(units,), name="gain")]

    def call(self, inputs):
        return self.inner(inputs) * self.gains[0]


class Plain(keras.Model):
    """As models are written that nobody means to load again."""

    def __init__(self):
        super().__init__()
        self.words = table(mask_zero=True)
        self.stack = [layers.Dense(SIZE), Block(SIZE, 1)]
        self.heads = {"a": layers.Dense(2), "b": (layers.Dense(2),)}
        self.loss_tracker = keras.metrics.Mean(name="tracked")
        self.noise = keras.random.SeedGenerator(3)
        self.shift = self.add_weight(shape=(SIZE,), trainable=False)
        self.chosen = self.first
        self.last_layer = self.stack[-1]
        self.scale, self.squash = np.float32(2), ops.tanh

    def first(self, x):
        return self.heads["a"](x)

    def call(self, ids):
        x = self.words(ids) + self.shift
        for layer in self.stack:
            x = self.squash(layer(x)) * self.scale
        return self.chosen(x) + self.heads["b"][0](self.last_layer(x))


class Built(keras.Model):
    """Makes its layers and weights in `build`."""

    def build(self, shape):
        self.words = table()
        self.shift = self.add_weight(shape=(SIZE,), name="shift")
        self.head = layers.Dense(2)
        self.words.build(shape)
        self.head.build((*shape, SIZE))
        self.built = True

    def call(self, ids):
        return self.head(self.words(ids) + self.shift)


class Encoder(layers.Layer):
    def __init__(self, *given):
        super().__init__()
        self.words = table()
        self.sequence = keras.Sequential([layers.Dense(SIZE), layers.Dense(2)])

    def call(self, ids):
        return self.sequence(self.words(ids))


class Nested(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(1)
        self.head = layers.Dense(2)

    def call(self, ids):
        return self.head(self.encoder(ids))


class WithSequential(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential([table(), layers.Dense(SIZE)])
        self.head = layers.Dense(2)

    def call(self, ids):
        return self.head(self.encoder(ids))


def made(kind):
    model = kind()
    model(IDS)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(rng.normal(size=weight.shape))
    return model


def table_of(model):
    return next(x for x in model._flatten_layers() if x.name == "words")


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
        lambda model: keras.optimizers.SGD(),
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


class Word(layers.Layer):
    """Cannot be followed: its `call` takes `training`, and it has a weight."""

    def __init__(self):
        super().__init__()
        self.words, self.dropout = table(mask_zero=True), layers.Dropout(0.5)
        self.scale = self.add_weight(shape=(), initializer="ones")

    def compute_mask(self, ids, mask=None):
        return self.words.compute_mask(ids)

    def call(self, ids, training=False):
        return self.dropout(self.words(ids), training=training) * self.scale


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


class Trained(keras.Model):
    def train_step(self, data):
        return {"loss": ops.convert_to_tensor(5.0)}


def test_a_functional_class_keeps_its_training():
    ids = keras.Input((5,), dtype="int32")
    model = Trained(ids, layers.Dense(2)(Word()(ids)))
    small = kd_keras.replace_layers(model, {"words": exact(table_of(model))})
    assert type(small) is Trained


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
