"""Classifiers that are compiled by the tests, and data for them."""

import keras
import numpy as np
from keras import layers

import kd_keras

N = 1000


def classifier(*more, **options):
    rng = np.random.default_rng(0)
    table = layers.Embedding(N, 16, name="words", **options)
    table.build()
    table.set_weights([rng.normal(size=(N, 16)) * np.linspace(1, 0.1, 16)])
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            table,
            layers.GlobalAveragePooling1D(),
            *more,
            layers.Dense(2, "softmax"),
        ]
    )


def data():
    x = (N * np.random.default_rng(1).random((60, 6)) ** 3).astype("int32")
    return x, (x[:, 0] > 100).astype(int)


def small_of(model, budget="8 KB", **options):
    return kd_keras.compress(model, budget, verbose=0, effort=0, **options)
