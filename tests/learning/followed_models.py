"""Layers that do not describe the tables that they hold."""

import keras
import numpy as np
from keras import layers, ops

import kd_keras

N, SIZE, STEPS = 600, 8, 5
IDS = np.random.default_rng(0).integers(2, size=(6, STEPS))


def table(**options):
    return layers.Embedding(N, SIZE, name="words", **options)


class Holder(layers.Layer):
    """A layer that does not describe the table that it holds."""

    def __init__(self, words, **kwargs):
        super().__init__(**kwargs)
        self.words = words

    def call(self, ids):
        return 2 * self.words(ids)


class PositionHolder(Holder):
    """As many write it: the positions are constants."""

    def __init__(self, words, places=STEPS, **kwargs):
        super().__init__(words, **kwargs)
        self.positions = layers.Embedding(places, SIZE, name="positions")

    def call(self, ids):
        return self.words(ids) + self.positions(ops.arange(STEPS))


def over(first):
    """A model that begins with a layer."""
    ids = keras.Input((STEPS,), dtype="int32")
    vectors = first(ids)
    attended = layers.MultiHeadAttention(2, 4, name="attention")(
        vectors, vectors
    )
    return keras.Model(ids, layers.GlobalAveragePooling1D()(attended))


def exact(words):
    """Codes that rebuild a table of few different rows."""
    rows = words.get_weights()[0][np.arange(N) % 60]
    words.set_weights([rows])
    return kd_keras.learn_codes(
        words, K=64, D=1, composition="concat", effort=0, verbose=0
    )
