"""Finds the tables that a copy of a model can have in other forms."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras

from kd_keras.compression.forms import Form
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import OUTPUT, LeftAlone, ModelTable
from kd_keras.compression.read_data import check_training
from kd_keras.layers.constant import Constant
from kd_keras.layers.find_layers import coded_layers
from kd_keras.learning.plain_model import describes
from kd_keras.learning.replace_layers import (
    replace_layers,
    replace_uncompiled,
)
from kd_keras.utils.errors import told_by

CONSTANTS = "it is looked up at constants, as positions are: nothing to gain"
NOT_LOADED = (
    "a class of your own makes it itself, so that a .keras file with another "
    "table could not be loaded: call kd_keras.compress in Python"
)


def replaceable(
    model: Any,
    tables: list[ModelTable],
    is_saved: bool = False,
    data: ModelData | None = None,
) -> tuple[list[ModelTable], list[LeftAlone], set[str]]:
    """Sorts out the tables that a copy of the model cannot replace.

    Args:
        model: Keras model.
        tables: list of `ModelTable` of it.
        is_saved: bool. Whether the copy must be one that Keras can load.
        data: `ModelData` or None. Code for training alone may read the weights
            of a table: that is tried on a batch of them.

    Returns:
        `(tables, left, names of classes of models that the copy lacks)`.
    """

    def outline(table: ModelTable) -> Any:
        return Form(K=2, D=(1,)).outline(table)

    def copy_with(tables: list[ModelTable]) -> Any:
        outlines = {table.layer: outline(table) for table in tables}
        if data is None:
            return replace_uncompiled(model, outlines)
        with warnings.catch_warnings():
            # Said when the small model is made.
            warnings.filterwarnings("ignore", "The copy is not compiled")
            copy = replace_layers(model, outlines)
        check_training(copy, data)
        return copy

    try:
        copy = copy_with(tables)
    except ValueError:
        copy = None
    # Else one layer that cannot be followed may keep others from being so.
    if copy is not None and _describes(copy, tables):
        fixed = _looked_up_at_constants(copy)
        kept = [x for x in tables if x.name not in fixed]
        left = [
            LeftAlone(x.name, x.layer.count_params(), CONSTANTS)
            for x in tables
            if x.name in fixed
        ]
        return kept, left, _classes(model) - _classes(copy)
    kept, left, dissolved = [], [], set()
    for table in tables:
        try:
            copy = copy_with([table])
            if table.name in _looked_up_at_constants(copy):
                raise ValueError(CONSTANTS)
            if is_saved and not _describes(copy, [table]):
                raise ValueError(NOT_LOADED)
            kept.append(table)
            dissolved |= _classes(model) - _classes(copy)
        except ValueError as error:
            numbers = table.layer.count_params()
            reason = told_by(error, 1000)
            left.append(LeftAlone(table.name, numbers, reason))
    return kept, left, dissolved


def _describes(copy: Any, tables: Sequence[ModelTable]) -> bool:
    """Tells whether a configuration has the layers in the place of tables."""
    try:
        config = copy.get_config()
    except Exception:  # of a class that has none
        config = None
    names = {table.name for table in tables}
    made = [x for x in coded_layers(copy) if x.name in names]
    return all(describes(config, x) for x in made)


def _looked_up_at_constants(model: Any) -> set[str]:
    """Names the layers that no input of the model reaches as ids."""
    return {
        layer.name
        for layer in model._flatten_layers()
        if layer._inbound_nodes
        and all(
            isinstance(x._keras_history.operation, Constant)
            for node in layer._inbound_nodes
            for x in node.input_tensors
        )
    }


def _classes(model: Any) -> set[str]:
    """Names the classes of a model and of those in it."""
    layers = model._flatten_layers()
    return {type(x).__name__ for x in layers if isinstance(x, keras.Model)}


def no_table(model: Any, left: Sequence[LeftAlone]) -> str:
    reasons = "; ".join(f"{x.name}: {x.reason}" for x in left)
    return (
        "compress needs a model with an embedding or an output layer as wide "
        f"as a vocabulary. Received: {model.name!r}, "
        + (f"where all are left alone ({reasons})" if left else "without one")
    )


def lost_settings(tables: Sequence[ModelTable]) -> list[str]:
    """Lists settings of layers that are lost."""
    notes = []
    for table in tables:
        for name in (
            "embeddings_regularizer", "embeddings_constraint",
            "kernel_regularizer", "kernel_constraint", "bias_regularizer",
            "bias_constraint", "activity_regularizer",
        ):  # fmt: skip
            value = getattr(table.layer, name, None)
            if value is not None and (
                table.kind == OUTPUT
                or name.startswith(("embeddings", "activity"))
            ):
                kind = type(value).__name__
                notes.append(f"{table.name} loses its {name}, {kind}")
    return notes
