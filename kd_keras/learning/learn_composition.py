"""Codes for compositions that are not additive: LSTM, residual, others."""

import keras
import numpy as np
from keras import ops

from kd_keras.layers.compositions.code_search import (
    NEAR_EFFORT,
    additive_near,
    search_near,
)
from kd_keras.search.methods.least_squares import (
    fit_code_embeddings,
    fit_in_order,
)

BATCH = 256
# Turns of training and searching; passes over the vectors in each turn, but
# within so many steps. A residual composition's steps are cheap.
TURNS = 5
EPOCHS, RESIDUAL_EPOCHS = 4, 40
LEAST_STEPS, MOST_STEPS = 160, 1600
LEARNING_RATE = 2e-3


def learn_composition(
    embedding,
    vectors,
    seed,
    progress,
    effort=1.0,
    for_others=False,
    epochs=EPOCHS,
    clipnorm=None,
):
    """Fits any composition to vectors and searches its codes, in turns.

    The composition is trained by Adam while the codes stand still. Then the
    codes are searched while it stands still: near the present codes it is
    taken for additive (code embeddings by least squares on its own output),
    each row's deviation from that goes into the target of the row, a local
    search proposes a code, and the code is taken where the composition itself
    confirms that it is better. So the error never rises by the search.

    Args:
        embedding: Built `KDEmbedding` with fixed codes, changed in place.
        vectors: Float32 array `(N, d)`.
        seed: Integer.
        progress: Callable `(share done, error)`.
        effort: Float, as `learn_codes` takes it.
        for_others: Boolean. Whether other vectors are to be encoded: the
            codes then are searched no longer than theirs will be.
        epochs: Integer. Passes over the vectors in each turn, within
            `LEAST_STEPS` and `MOST_STEPS`, times the effort.
        clipnorm: Float or None. Largest norm of all gradients together.
    """
    rng = np.random.default_rng(seed)
    composition = embedding.composition
    model = keras.Sequential([embedding])
    batches = _batches(len(vectors), rng)
    steps = epochs * -(-len(vectors) // BATCH)
    steps = int(np.clip(steps, LEAST_STEPS, MOST_STEPS))
    steps = max(1, round(effort * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE, TURNS * steps, 0.01
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=clipnorm)
    model.compile(optimizer, _squared_error)
    for turn in range(TURNS):
        for step in range(steps):
            rows = next(batches)
            loss = model.train_on_batch(rows, vectors[rows])
            progress((turn + step / steps) / TURNS, float(loss))
        codes = embedding.codes
        fit = fit_in_order if for_others else fit_code_embeddings
        tables = additive_near(composition, codes, fit, seed)
        embedding.codes, errors = search_near(
            composition,
            vectors,
            codes,
            tables,
            seed + turn,
            effort * (NEAR_EFFORT if for_others else 1.0),
        )
        progress((turn + 1) / TURNS, float(errors.mean()))


def _batches(count, rng):
    """Gives batches of row numbers without end, all rows once a pass."""
    while True:
        order = rng.permutation(count)
        for begin in range(0, count, BATCH):
            yield order[begin : begin + BATCH]


def _squared_error(vectors, rebuilt):
    return ops.mean(ops.sum(ops.square(vectors - rebuilt), axis=-1))
