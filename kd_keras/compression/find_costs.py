"""Finds out by gradients which tables, and which directions, matter."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from kd_keras.compression.distances import (
    distances_for,
    places_of,
    weights_of_places,
)
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import EMBEDDING, OUTPUT, ModelTable
from kd_keras.utils.errors import told_by
from kd_keras.utils.row_blocks import row_blocks
from kd_keras.vectors.row_sums import BLOCK_ROWS, weighted_mean

BATCHES = 24  # of which gradients are computed
# How much a direction counts on which no output depends; 1 is the mean.
EVEN = 0.3
# The cost of a table on which no output depends; the largest is 1.
LEAST_COST = 1e-6


def find_costs(
    model: Any, tables: Sequence[ModelTable], data: ModelData
) -> None:
    """Finds how the outputs depend on the tables: their costs and metrics.

    Also whether they depend on the vector of symbol 0, which may be padding.

    If a vector moves by delta, the distance of the outputs from what they were
    is about (gradient . delta)^2, for the gradient of a sum of the outputs
    with random signs. Probabilities are replaced by their square roots, so
    that their distance is, to second order, their divergence (the Fisher
    information). No targets are needed.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    rng = np.random.default_rng(0)
    values = [_variable(table).value for table in tables]
    means = [
        weighted_mean(table.rows, table.shares).astype(np.float32)
        for table in tables
    ]
    costs = np.zeros(len(tables))
    squares = [np.zeros((table.shape[1],) * 2) for table in tables]
    reads_first = [False] * len(tables)
    try:
        for x, _, sample_weight in data.batches(BATCHES):
            with tf.GradientTape() as tape:
                tape.watch(values)
                outputs = places_of(model(x, training=False))
                total = 0.0
                kinds = distances_for(model, outputs)
                if not any(kinds):
                    return
                counted = weights_of_places(outputs, sample_weight)
                for kind, output, weights in zip(
                    kinds, outputs, counted, strict=True
                ):
                    if kind is None:
                        continue
                    spread = kind.spread(output)
                    signs = rng.choice([-1.0, 1.0], spread.shape)
                    signs = signs.astype("float32")
                    if weights is not None:
                        roots = np.sqrt(np.maximum(weights, 0))
                        axes = range(roots.ndim, signs.ndim)
                        signs *= np.expand_dims(roots, tuple(axes))
                    total += tf.reduce_sum(spread * signs)
            for i, gradient in enumerate(tape.gradient(total, values)):
                for ids, rows in _gradient_rows(gradient, tables[i]):
                    moved = tables[i].rows[ids] - means[i]
                    costs[i] += np.square((rows * moved).sum(axis=1)).sum()
                    squares[i] = squares[i] + rows.T @ rows
                    reads_first[i] |= _is_of_first(ids, rows)
    except Exception as error:
        warnings.warn(
            "The gradients of the tables cannot be computed, so all tables "
            "and directions count the same: " + told_by(error, 200),
            stacklevel=4,
        )
        return
    for table, square, reads in zip(tables, squares, reads_first, strict=True):
        table.reads_padding = reads
        # The vectors of an output layer are multiplied by hidden states: a
        # metric of theirs did not help.
        if table.kind == EMBEDDING and np.trace(square) > 0:
            table.metric = _root(square)
    if costs.max() > 0:
        for table, cost in zip(tables, costs / costs.max(), strict=True):
            table.cost = max(float(cost), LEAST_COST)


def _is_of_first(ids: Any, rows: np.ndarray) -> bool:
    """Tells whether the gradient of symbol 0 is among rows, and not 0."""
    if isinstance(ids, slice):
        return ids.start == 0 and bool(rows[0].any())
    return bool(rows[ids == 0].any())


def _root(squares: np.ndarray) -> np.ndarray:
    """Returns the square root of a matrix with a mean of 1, and of `EVEN`."""
    d = len(squares)
    values, directions = np.linalg.eigh(d * squares / np.trace(squares))
    roots = np.sqrt(np.clip(values, 0, None) + EVEN)
    return (directions * roots) @ directions.T


def _variable(table: ModelTable) -> Any:
    if table.kind == OUTPUT:
        return table.layer.kernel
    return table.layer.embeddings


def _gradient_rows(
    gradient: Any, table: ModelTable
) -> Iterator[tuple[Any, np.ndarray]]:
    """Yields ids or a slice of them, and the gradients of their rows."""
    N, d = table.shape
    if gradient is None:
        return
    if hasattr(gradient, "indices"):  # once for each use
        rows = np.asarray(gradient.values, np.float64).reshape(-1, d)
        yield np.asarray(gradient.indices).ravel(), rows
        return
    whole = np.asarray(gradient)
    whole = whole.T if table.kind == OUTPUT else whole
    for block in row_blocks(N, BLOCK_ROWS):
        yield block, whole[block].astype(np.float64)
