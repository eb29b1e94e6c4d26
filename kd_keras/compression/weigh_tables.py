"""Finds out from data which symbols and which tables matter."""

import warnings
from collections.abc import Callable, Sequence
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
from kd_keras.export.signatures.calls_replaced import calls_replaced
from kd_keras.layers.find_layers import output_layer
from kd_keras.utils.errors import BadInputError
from kd_keras.vectors.counts import weights_of_counts

# A symbol counts by this power of how often it occurs: what is rare in the
# data is less rare elsewhere.
POWER = 0.5
BATCHES = 24  # of which gradients are computed
# How much a direction counts on which no output depends; 1 is the mean.
EVEN = 0.3
# The cost of a table on which no output depends; the largest is 1.
LEAST_COST = 1e-6


class _EnoughError(Exception):
    """All tables of a batch have been called."""


def weigh_tables(
    model: Any, tables: Sequence[ModelTable], data: ModelData
) -> None:
    """Sets the weights of rows by counts, and the costs by gradients.

    Args:
        model: Keras model.
        tables: list of `ModelTable` of it. They are changed.
        data: `ModelData`.

    Raises:
        BadInputError: If the model cannot be called on the data, or an id is
            out of range.
    """
    counts = count_ids(model, tables, data)
    for table in tables:
        if table.kind == OUTPUT:
            counts[id(table)] = _count_targets(
                model, table, tables, data, counts
            )
    for table in tables:
        set_counts(table, counts[id(table)])
    _find_costs(model, tables, data)


def set_counts(table: ModelTable, counts: np.ndarray | None) -> None:
    """Sets the weights of a table's rows by how often they occur.

    Args:
        table: `ModelTable`. It is changed.
        counts: array of float, shape `(N,)`, at least 0, or None if they are
            not known.
    """
    if counts is None or not counts.any():
        return
    weights = weights_of_counts(counts, POWER)
    if getattr(table.layer, "mask_zero", False):
        weights[0] = weights.min()  # padding: nobody sees its vector
    table.weights = weights


def count_ids(
    model: Any, tables: Sequence[ModelTable], data: ModelData
) -> dict[int, np.ndarray | None]:
    """Counts the ids that reach each table.

    Args:
        model, tables, data: See `weigh_tables`.

    Returns:
        dict of arrays of float, shape `(N,)`, by the `id` of a table; None for
        a table that is not called outside of a compiled part of the model, or
        is an output layer.
    """
    asked = [table for table in tables if table.kind != OUTPUT]
    counts = {id(table): np.zeros(len(table.rows)) for table in asked}
    calls, seen = None, 0
    wrong: list[str] = []

    def counted(table: ModelTable) -> Callable[[Any], Any]:
        def call(inputs: Any) -> Any:
            nonlocal seen
            inputs = getattr(inputs, "flat_values", inputs)
            try:
                ids = np.asarray(inputs)
            except Exception:
                return None  # in a graph inside the model
            if told := _wrong_ids(table, ids):
                wrong.append(told)  # Keras would change the error
                raise _EnoughError
            ids = ids.astype(np.int64).ravel()
            counts[id(table)] += np.bincount(ids, minlength=len(table.rows))
            seen += 1
            if seen == calls:
                raise _EnoughError
            return None

        return call

    if not asked:
        return dict.fromkeys(map(id, tables))
    replaced = {table.layer: counted(table) for table in asked}
    for x, *_ in data.batches():
        seen = 0
        try:
            with calls_replaced(replaced):
                _call(model, x)
        except _EnoughError:
            if wrong:
                raise BadInputError(wrong[0]) from None
            continue
        # From the second batch on, nothing after the last call is computed.
        calls = seen or None
    found: dict[int, np.ndarray | None] = dict.fromkeys(map(id, tables))
    return found | counts


def _wrong_ids(table: ModelTable, ids: np.ndarray) -> str | None:
    N = len(table.rows)
    if not ids.size or 0 <= int(ids.min()) <= int(ids.max()) < N:
        return None
    wrong = ids.min() if ids.min() < 0 else ids.max()
    return (
        f"The ids of {table.name!r} must be from 0 to {N - 1:,}. "
        f"Received: {int(wrong):,} in `data`"
    )


def _call(model: Any, x: Any) -> Any:
    try:
        return model(x, training=False)
    except (_EnoughError, BadInputError):
        raise
    except Exception as error:
        raise BadInputError(
            "`data` must be what the model takes, as `model.fit` gets it. "
            f"Received: {' '.join(str(error).split())[:300]}"
        ) from error


def _count_targets(
    model: Any,
    table: ModelTable,
    tables: Sequence[ModelTable],
    data: ModelData,
    counts: dict[int, np.ndarray | None],
) -> np.ndarray | None:
    """Counts the targets of an output layer.

    If they are no symbols of it, the counts of another table of as many
    symbols are taken: words that a model reads and writes.
    """
    N = len(table.rows)
    found = np.zeros(N)
    outputs: list[Any] = getattr(model, "outputs", None) or []
    shape = tuple(outputs[0].shape) if len(outputs) == 1 else ()
    makes_it = output_layer(model) is table.layer
    for _, y, _ in data.batches() if makes_it else ():
        targets = keras.tree.flatten(y)
        if len(targets) != 1:
            break
        ids = np.asarray(targets[0])
        if len(ids.shape) == len(shape) and ids.shape[-1] != 1:
            break  # a number for each symbol, not a symbol
        if ids.dtype.kind not in "iu" or (
            ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < N
        ):
            found[:] = 0
            break
        found += np.bincount(ids.ravel(), minlength=N)
    if np.count_nonzero(found) > 1:
        return found
    for other in tables:
        if other.kind != OUTPUT and len(other.rows) == N:
            return counts[id(other)]
    return None


def _find_costs(
    model: Any, tables: Sequence[ModelTable], data: ModelData
) -> None:
    """Finds how the outputs depend on the tables: their costs and metrics.

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
    centred = [table.rows - table.shares @ table.rows for table in tables]
    costs = np.zeros(len(tables))
    squares: list[Any] = [0.0] * len(tables)
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
                ids, rows = _gradient_rows(gradient, tables[i])
                moved = centred[i][ids]
                costs[i] += np.square((rows * moved).sum(axis=1)).sum()
                squares[i] = squares[i] + rows.T @ rows
    except Exception as error:
        warnings.warn(
            "The gradients of the tables cannot be computed, so all tables "
            "and directions count the same: "
            + " ".join(str(error).split())[:200],
            stacklevel=4,
        )
        return
    for table, square in zip(tables, squares, strict=True):
        # The vectors of an output layer are multiplied by hidden states: a
        # metric of theirs did not help.
        if table.kind == EMBEDDING and np.trace(square) > 0:
            table.metric = _root(square)
    if costs.max() > 0:
        for table, cost in zip(tables, costs / costs.max(), strict=True):
            table.cost = max(float(cost), LEAST_COST)


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
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids that have a gradient, and it: once for each use."""
    N, d = table.shape
    if gradient is None:
        return np.zeros(0, int), np.zeros((0, d))
    if hasattr(gradient, "indices"):
        rows = np.asarray(gradient.values, np.float64).reshape(-1, d)
        return np.asarray(gradient.indices).ravel(), rows
    rows = np.asarray(gradient, np.float64)
    return np.arange(N), rows.T if table.kind == OUTPUT else rows
