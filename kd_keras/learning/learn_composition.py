"""Learns compositions that are not additive, and their codes."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from kd_keras.layers.compositions.code_search import (
    NEAR_EFFORT,
    additive_near,
    search_near,
)
from kd_keras.learning.task import Task
from kd_keras.search.methods.least_squares import (
    fit_code_embeddings,
    fit_in_order,
)
from kd_keras.search.methods.weighted_rows import Weights, weighted_mean

BATCH = 256
# Turns of training and searching.
TURNS = 5
# Passes over the vectors in each turn, within these numbers of steps.
EPOCHS = 4
LEAST_STEPS, MOST_STEPS = 160, 1600
LEARNING_RATE = 2e-3


def learn_composition(
    embedding: Any,
    task: Task,
    epochs: int = EPOCHS,
    clipnorm: float | None = None,
) -> None:
    """Fits any composition to vectors and searches its codes, in turns.

    The composition is trained by Adam while the codes stay fixed. Then the
    codes are searched while the composition stays fixed: near the present
    codes it is treated as additive (code embeddings are fitted to its output
    by least squares), the deviation from that is moved into each row's target,
    a local search proposes a code, and the code is accepted if the composition
    itself confirms that it is better. So the search never raises the error.

    Args:
        embedding: `KDEmbedding`, built, with fixed codes. It is changed in
            place.
        task: `Task`.
        epochs: int. Passes over the vectors in each turn, within
            `LEAST_STEPS` and `MOST_STEPS` steps, times the effort.
        clipnorm: float or None. Largest norm of all gradients together.
    """
    vectors, seed = task.vectors, task.seed
    rng = np.random.default_rng(seed)
    composition = embedding.composition
    model = keras.Sequential([embedding])
    batches = _batches(len(vectors), rng, task.weights)
    steps = epochs * -(-len(vectors) // BATCH)
    steps = int(np.clip(steps, LEAST_STEPS, MOST_STEPS))
    steps = max(1, round(task.effort * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE, TURNS * steps, 0.01
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=clipnorm)
    model.compile(optimizer, _squared_error)
    fit = fit_in_order if task.for_others else fit_code_embeddings
    for turn in range(TURNS):
        for step in range(steps):
            rows = next(batches)
            loss = model.train_on_batch(rows, vectors[rows])
            task.progress((turn + step / steps) / TURNS, float(loss))
        codes = embedding.codes
        tables = additive_near(composition, codes, fit, seed)
        embedding.codes, errors = search_near(
            composition,
            vectors,
            codes,
            tables,
            seed + turn,
            task.effort * (NEAR_EFFORT if task.for_others else 1.0),
        )
        error = weighted_mean(errors, task.weights)
        task.progress((turn + 1) / TURNS, error)


def _batches(
    count: int, rng: np.random.Generator, weights: Weights
) -> Iterator[np.ndarray]:
    """Yields batches of row numbers without end, all rows once per pass.

    With weights, a pass has each row as often as it counts, on average.
    """
    while True:
        order = rng.permutation(count)
        if weights is not None:
            ends = np.cumsum(weights, dtype=np.float64)
            ticks = (rng.random() + np.arange(count)) * (ends[-1] / count)
            order = np.minimum(np.searchsorted(ends, ticks), count - 1)[order]
        for begin in range(0, count, BATCH):
            yield order[begin : begin + BATCH]


def _squared_error(vectors: Any, rebuilt: Any) -> Any:
    return ops.mean(ops.sum(ops.square(vectors - rebuilt), axis=-1))
