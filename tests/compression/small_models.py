"""Models with tables, of many kinds, that are quick to make small."""

import keras
import numpy as np
from keras import layers, ops

N, SIZE, STEPS, WIDE = 2000, 16, 6, 1200
RNG = np.random.default_rng


def table(name="words", N=N, size=SIZE, **options):
    """Returns a table with a falling spectrum, so that it can be coded."""
    layer = layers.Embedding(N, size, name=name, **options)
    layer.build()
    rng = RNG(len(name))
    falling = np.linspace(1, 0.1, size)
    layer.set_weights([rng.normal(size=(N, size)) * falling])
    return layer


def ids_of(rows, N=N, seed=0):
    """Draws ids of which the small ones are frequent."""
    rng = RNG(seed)
    return (N * rng.random((rows, STEPS)) ** 3).astype("int32")


def average(hidden):
    return layers.GlobalAveragePooling1D()(hidden)


def sequential():
    return keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            table(),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, "softmax"),
        ]
    )


def masked():
    ids = keras.Input((STEPS,), dtype="int32")
    hidden = layers.LSTM(4)(table(mask_zero=True)(ids))
    return keras.Model(ids, layers.Dense(3, "softmax")(hidden))


def convolution():
    ids = keras.Input((STEPS,), dtype="int32")
    hidden = layers.Conv1D(8, 3, activation="relu")(table()(ids))
    hidden = layers.GlobalMaxPooling1D()(hidden)
    return keras.Model(ids, layers.Dense(3, "softmax")(hidden))


def bidirectional():
    ids = keras.Input((STEPS,), dtype="int32")
    hidden = layers.Bidirectional(layers.LSTM(4))(table()(ids))
    return keras.Model(ids, layers.Dense(1, "sigmoid")(hidden))


def gru():
    ids = keras.Input((STEPS,), dtype="int32")
    return keras.Model(ids, layers.Dense(1)(layers.GRU(4)(table()(ids))))


def attention():
    ids = keras.Input((STEPS,), dtype="int32")
    hidden = table()(ids)
    hidden = layers.MultiHeadAttention(2, 8)(hidden, hidden)
    hidden = layers.LayerNormalization()(hidden)
    return keras.Model(ids, layers.Dense(2, "softmax")(average(hidden)))


def two_towers():
    user = keras.Input((1,), dtype="int32", name="user")
    item = keras.Input((1,), dtype="int32", name="item")
    a, b = table("users", 300)(user), table("items")(item)
    score = layers.Dot(-1)([layers.Flatten()(a), layers.Flatten()(b)])
    return keras.Model([user, item], score)


def dict_inputs():
    user = keras.Input((1,), dtype="int32", name="user")
    item = keras.Input((1,), dtype="int32", name="item")
    both = layers.Concatenate()([table("users", 300)(user), table()(item)])
    output = layers.Dense(1, "sigmoid")(layers.Flatten()(both))
    return keras.Model({"user": user, "item": item}, output)


def nested():
    ids = keras.Input((STEPS,), dtype="int32")
    encoder = keras.Sequential([table(), layers.Dense(4)], name="encoder")
    return keras.Model(ids, layers.Dense(2)(average(encoder(ids))))


def shared():
    layer = table()
    a = keras.Input((STEPS,), dtype="int32", name="a")
    b = keras.Input((STEPS,), dtype="int32", name="b")
    both = layers.Concatenate()([average(layer(a)), average(layer(b))])
    return keras.Model([a, b], layers.Dense(2, "softmax")(both))


def with_numbers():
    ids = keras.Input((STEPS,), dtype="int32", name="ids")
    age = keras.Input((2,), name="age")
    both = layers.Concatenate()([average(table()(ids)), age])
    return keras.Model([ids, age], layers.Dense(1)(both))


def two_outputs():
    ids = keras.Input((STEPS,), dtype="int32")
    hidden = average(table()(ids))
    return keras.Model(
        ids, [layers.Dense(2, "softmax")(hidden), layers.Dense(1)(hidden)]
    )


def normalised():
    ids = keras.Input((STEPS,), dtype="int32")
    hidden = layers.BatchNormalization()(average(table()(ids)))
    hidden = layers.Dropout(0.2)(layers.Dense(8, "relu")(hidden))
    return keras.Model(ids, layers.Dense(2, "softmax")(hidden))


def wide_output():
    ids = keras.Input((STEPS,), dtype="int32")
    hidden = average(table()(ids))
    return keras.Model(ids, layers.Dense(WIDE, "softmax", name="next")(hidden))


def tied():
    ids = keras.Input((STEPS,), dtype="int32")
    words = layers.ReversibleEmbedding(N, SIZE, name="words")
    words.build()
    words.set_weights(table().get_weights())
    hidden = layers.Dense(SIZE)(words(ids))
    return keras.Model(ids, words(hidden, reverse=True))


def many_features():
    inputs = [
        keras.Input((1,), dtype="int32", name=f"feature_{i}") for i in range(3)
    ]
    parts = [
        layers.Flatten()(table(f"table_{i}", 200 + 100 * i)(x))
        for i, x in enumerate(inputs)
    ]
    hidden = layers.Dense(8, "relu")(layers.Concatenate()(parts))
    return keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden))


def positions():
    ids = keras.Input((STEPS,), dtype="int32")
    places = layers.Embedding(STEPS, SIZE, name="places")
    hidden = table()(ids) + places(ops.arange(STEPS))
    return keras.Model(ids, layers.Dense(2)(average(hidden)))


def not_trained():
    ids = keras.Input((STEPS,), dtype="int32")
    return keras.Model(
        ids, layers.Dense(2)(average(table(trainable=False)(ids)))
    )


def with_lookup():
    words = keras.Input((STEPS,), dtype="string")
    ids = layers.StringLookup(vocabulary=[f"w{i}" for i in range(N - 1)])(words)
    return keras.Model(words, layers.Dense(2)(average(table()(ids))))


@keras.saving.register_keras_serializable(package="small_models")
class Subclassed(keras.Model):
    def __init__(self, words, **options):
        super().__init__(**options)
        self.words = words
        self.dense = layers.Dense(2)

    def build(self, shape):
        self.dense.build((None, SIZE))
        self.built = True

    def call(self, ids):
        return self.dense(ops.mean(self.words(ids), axis=1))

    def get_config(self):
        words = keras.saving.serialize_keras_object(self.words)
        return super().get_config() | {"words": words}

    @classmethod
    def from_config(cls, config):
        words = keras.saving.deserialize_keras_object(config.pop("words"))
        return cls(words, **config)


def subclassed():
    model = Subclassed(table())
    model.build((None, STEPS))
    return model


KINDS = (
    sequential, masked, convolution, bidirectional, gru, attention,
    two_towers, dict_inputs, nested, shared, with_numbers, two_outputs,
    normalised, wide_output, tied, many_features, positions, not_trained,
    with_lookup, subclassed,
)  # fmt: skip


def inputs_of(model, rows=32):
    """Draws inputs that a model takes."""
    tensors = model.inputs if getattr(model, "inputs", None) else [None]
    drawn = []
    for i, tensor in enumerate(tensors):
        if tensor is None:
            drawn.append(ids_of(rows))
        elif tensor.dtype == "string":
            drawn.append(np.char.add("w", ids_of(rows).astype(str)))
        elif tensor.dtype == "float32":
            drawn.append(RNG(i).normal(size=(rows, *tensor.shape[1:])))
        else:
            drawn.append(ids_of(rows, 200, i)[:, : tensor.shape[1]])
    if isinstance(getattr(model, "_inputs_struct", None), dict):
        return {t.name: x for t, x in zip(tensors, drawn, strict=True)}
    return drawn[0] if len(drawn) == 1 else drawn
