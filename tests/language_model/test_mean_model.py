"""The mean of several language models."""

import keras
import numpy as np

import kd_keras
from kd_keras.compression.states import reset_states
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.copies import copy_language_model
from kd_keras.language_model.mean_model import mean_model
from kd_keras.language_model.model import build_language_model

WORDS, ROWS, STEPS = 20, 4, 8
TINY = CONFIGURATIONS["tiny"]


def language_model(embedding):
    return build_language_model(TINY, embedding, WORDS, ROWS, STEPS)


def probabilities(logits):
    powers = np.exp(np.asarray(logits, np.float64))
    return powers / powers.sum(-1, keepdims=True)


def test_it_is_the_mean_of_the_probabilities_and_carries_all_states():
    models = [
        language_model(keras.layers.Embedding(WORDS, TINY.hidden)),
        language_model(kd_keras.KDEmbedding(WORDS, TINY.hidden, 4, 3)),
    ]
    for i, model in enumerate(models):
        rng = np.random.default_rng(i)
        for weight in model.trainable_weights:
            weight.assign(rng.normal(size=weight.shape))
    mean = mean_model(models, ROWS, STEPS)
    alone = [copy_language_model(model, ROWS, STEPS) for model in models]
    ids = np.random.default_rng(2).integers(0, WORDS, (ROWS, STEPS))
    first = None
    for _ in range(2):  # the second time from the carried states
        wanted = np.mean([probabilities(model(ids)) for model in alone], 0)
        found = np.asarray(mean(ids))
        np.testing.assert_allclose(np.exp(found), wanted, atol=1e-5)
        first = found if first is None else first
    assert np.abs(found - first).max() > 0.01
    reset_states(mean)
    np.testing.assert_allclose(mean(ids), first, atol=1e-5)
