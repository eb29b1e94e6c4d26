"""Finds out from data which symbols and which tables matter."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kd_keras.compression.count_symbols import count_ids, count_targets
from kd_keras.compression.find_costs import find_costs
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import OUTPUT, ModelTable
from kd_keras.vectors.counts import weights_of_counts

# A symbol counts by this power of how often it occurs: what is rare in the
# data is less rare elsewhere.
POWER = 0.5


def weigh_tables(
    model: Any,
    tables: Sequence[ModelTable],
    data: ModelData,
    validation: ModelData | None = None,
) -> None:
    """Sets the weights of rows by counts, and the costs by gradients.

    Args:
        model: Keras model.
        tables: list of `ModelTable` of it. They are changed.
        data: `ModelData`.
        validation: `ModelData` or None. Its ids are checked too.

    Raises:
        BadInputError: If the model cannot be called on the data, or an id is
            out of range.
    """
    counts = count_ids(model, tables, data)
    if validation is not None and validation is not data:
        count_ids(model, tables, validation)
    for table in tables:
        if table.kind == OUTPUT:
            counts[id(table)] = count_targets(
                model, table, tables, data, counts
            )
    for table in tables:
        set_counts(table, counts[id(table)])
    find_costs(model, tables, data)
    for table in tables:
        if table.reads_padding:
            set_counts(table, counts[id(table)])


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
    if getattr(table.layer, "mask_zero", False) and not table.reads_padding:
        weights[0] = weights.min()  # nobody sees the vector of padding
    table.weights = weights
