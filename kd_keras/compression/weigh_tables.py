"""Finds out from data which symbols and which tables matter."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import OUTPUT, ModelTable
from kd_keras.export.signatures.calls_replaced import calls_replaced
from kd_keras.utils.errors import BadInputError
from kd_keras.vectors.counts import weights_of_counts

# A symbol counts by this power of how often it occurs: what is rare in the
# data is less rare elsewhere.
POWER = 0.5
BATCHES = 24  # of which gradients are computed


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
            counts[id(table)] = _targets(table, tables, data, counts)
    for table in tables:
        set_counts(table, counts[id(table)])
    if len(tables) > 1 and data.has_targets and model.compiled:
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

    def counted(table: ModelTable) -> Callable[[Any], Any]:
        def call(inputs: Any) -> Any:
            nonlocal seen
            inputs = getattr(inputs, "flat_values", inputs)
            if not hasattr(inputs, "numpy") and not isinstance(
                inputs, np.ndarray
            ):
                try:
                    ids = np.asarray(inputs)
                except Exception:
                    return None  # in a graph inside the model
            else:
                ids = np.asarray(inputs)
            _check_ids(table, ids)
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
            continue
        # From the second batch on, nothing after the last call is computed.
        calls = seen or None
    found: dict[int, np.ndarray | None] = dict.fromkeys(map(id, tables))
    return found | counts


def _check_ids(table: ModelTable, ids: np.ndarray) -> None:
    N = len(table.rows)
    if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < N:
        wrong = ids.min() if ids.min() < 0 else ids.max()
        raise BadInputError(
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


def _targets(
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
    for _, y, _ in data.batches():
        targets = keras.tree.flatten(y)
        if len(targets) != 1:
            break
        ids = np.asarray(targets[0])
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
    """Sets the costs of tables: what the loss rises if they are all the same.

    To second order, by the squared gradients: if a vector moves by delta, the
    loss rises by (gradient . delta)^2 / 2, averaged over the examples. The
    gradients of a batch stand for those of its examples.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    variables = [_variable(table) for table in tables]
    costs = np.zeros(len(tables))
    spread = [
        np.square(table.rows - table.shares @ table.rows).sum(axis=1)
        for table in tables
    ]
    try:
        for x, y, w in data.batches(BATCHES):
            with tf.GradientTape() as tape:
                tape.watch([v.value for v in variables])
                y_pred = model(x, training=False)
                loss = model.compute_loss(
                    x, _tensors(y), y_pred, _tensors(w), training=False
                )
            found = tape.gradient(loss, [v.value for v in variables])
            size = len(keras.tree.flatten(x)[0])
            for i, gradient in enumerate(found):
                squares = _squares(gradient, tables[i])
                costs[i] += size * float(squares @ spread[i])
    except Exception as error:
        warnings.warn(
            "The gradients of the tables cannot be computed, so all tables "
            f"count the same: {' '.join(str(error).split())[:200]}",
            stacklevel=4,
        )
        return
    costs /= [table.rows.shape[1] for table in tables]
    if (costs > 0).all():
        for table, cost in zip(tables, costs / costs.max(), strict=True):
            table.cost = float(cost)


def _variable(table: ModelTable) -> Any:
    if table.kind == OUTPUT:
        return table.layer.kernel
    return table.layer.embeddings


def _squares(gradient: Any, table: ModelTable) -> np.ndarray:
    """Returns the squared gradients of each row, summed over its uses."""
    N = len(table.rows)
    if gradient is None:
        return np.zeros(N)
    if hasattr(gradient, "indices"):
        squares = np.square(np.asarray(gradient.values)).sum(axis=1)
        return np.bincount(np.asarray(gradient.indices), squares, minlength=N)
    axis = 0 if table.kind == OUTPUT else 1
    return np.square(np.asarray(gradient)).sum(axis=axis)


def _tensors(values: Any) -> Any:
    if values is None:
        return None
    return keras.tree.map_structure(keras.ops.convert_to_tensor, values)
