"""A tiny language model with any embedding, and a text for it."""

import keras
import numpy as np

import kd_keras
from kd_keras.datasets.ptb.batches import cut_batches
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.model import (
    build_language_model,
    compile_language_model,
)
from kd_keras.ptb.run_callbacks import FreshState

TINY = CONFIGURATIONS["tiny"]
WORDS, ROWS, STEPS = 20, 4, 8
EMBEDDINGS = {
    "conventional": lambda: keras.layers.Embedding(WORDS, TINY.hidden),
    "linear": lambda: kd_keras.KDEmbedding(WORDS, TINY.hidden, 4, 3),
    "lstm": lambda: kd_keras.KDEmbedding(
        WORDS, TINY.hidden, 4, 3, composition="lstm"
    ),
    "concat": lambda: kd_keras.KDEmbedding(
        WORDS, TINY.hidden, 4, 2, composition="concat"
    ),
    "learned": lambda: kd_keras.KDEmbedding(
        WORDS, TINY.hidden, 4, 3, codes="learn"
    ),
}


def language_model(kind="conventional", rows=ROWS, configuration=TINY):
    keras.utils.set_random_seed(0)
    model = build_language_model(
        configuration, EMBEDDINGS[kind](), WORDS, rows, STEPS
    )
    compile_language_model(model, configuration)
    return model


def text(count=ROWS * STEPS * 12, seed=0):
    """Makes a text with structure: most words follow from the previous one."""
    rng = np.random.default_rng(seed)
    words = [0]
    while len(words) < count:
        follows = (3 * words[-1] + 1) % WORDS
        words.append(follows if rng.random() < 0.8 else rng.integers(WORDS))
    return np.array(words, np.int32)


def batches(tokens):
    return cut_batches(tokens, ROWS, STEPS)


def fit(model, epochs=2, **options):
    inputs, targets = batches(text())
    return model.fit(
        inputs,
        targets,
        batch_size=ROWS,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[FreshState()],
        **options,
    ).history
