"""Counts how often the symbols of a model's tables occur in data."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import OUTPUT, ModelTable
from kd_keras.layers.calls_replaced import calls_replaced
from kd_keras.layers.find_layers import output_layer
from kd_keras.utils.errors import BadInputError, told_by


class _EnoughError(Exception):
    """All tables of a batch have been called."""


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
    known: dict[Any, int] = {}  # numbers of calls by the shapes of inputs
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
            if told := _wrong_ids(table, ids, data.name):
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
        shapes = _shapes(x)
        calls, seen = known.get(shapes), 0
        try:
            with calls_replaced(replaced):
                _call(model, x, data.name)
        except _EnoughError:
            if wrong:
                raise BadInputError(wrong[0]) from None
            continue
        # Of later batches of these shapes, nothing after the last call is
        # computed. Others may have more steps, each of which calls a table.
        if seen and shapes is not None:
            known[shapes] = seen
    found: dict[int, np.ndarray | None] = dict.fromkeys(map(id, tables))
    return found | counts


def _shapes(x: Any) -> tuple | None:
    """Returns the shapes of inputs, or None if one is not known."""
    shapes = [getattr(leaf, "shape", (None,)) for leaf in keras.tree.flatten(x)]
    told = tuple(tuple(shape) for shape in shapes)
    return None if any(None in shape for shape in told) else told


def _wrong_ids(table: ModelTable, ids: np.ndarray, name: str) -> str | None:
    N = len(table.rows)
    if not ids.size or 0 <= int(ids.min()) <= int(ids.max()) < N:
        return None
    wrong = ids.min() if ids.min() < 0 else ids.max()
    return (
        f"The ids of {table.name!r} must be from 0 to {N - 1:,}. "
        f"Received: {int(wrong):,} in `{name}`"
    )


def _call(model: Any, x: Any, name: str) -> Any:
    try:
        return model(x, training=False)
    except (_EnoughError, BadInputError):
        raise
    except Exception as error:
        raise BadInputError(
            f"`{name}` must be what the model takes, as `model.fit` gets it. "
            f"Received: {told_by(error)}"
        ) from error


def count_targets(
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
