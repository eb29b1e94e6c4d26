"""The models that are shared by the tests of exports."""

import keras
import numpy as np
from keras import layers

import kd_keras
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.model import build_language_model

N, SIZE, K, D = 60, 12, 6, 4
WORDS = [f"word-{i}" for i in range(N)]


def embedding(**options):
    made = kd_keras.KDEmbedding(N, SIZE, **({"K": K, "D": D} | options))
    made.build()
    if options.get("composition") == "residual":
        # Otherwise the correction is zero, and any export of it is right.
        generator = np.random.default_rng(0)
        for weight in made.trainable_weights:
            weight.assign(generator.normal(size=weight.shape))
    return made


def classifier(*more, **options):
    ids = keras.Input((None,), dtype="int32", name="words")
    steps = embedding(**options)(ids)
    for layer in [*more, layers.GlobalAveragePooling1D(), layers.Dense(3)]:
        steps = layer(steps)
    return keras.Model(ids, steps)


def language_model(**options):
    configuration = CONFIGURATIONS["tiny"]
    given = kd_keras.KDEmbedding(
        N, configuration.hidden, **({"K": K, "D": D} | options)
    )
    return build_language_model(configuration, given, N, 3, 5, seed=1)


def of_four_words(*more):
    ids = keras.Input((4,), 2, dtype="int32")
    steps = embedding()(ids)
    for layer in more:
        steps = layer(steps)
    return keras.Model(ids, steps)
