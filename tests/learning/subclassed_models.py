"""Subclassed models and layers for the tests of copies."""

import keras
import numpy as np
from keras import layers, ops
from replaced_models import IDS, SIZE, table


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
