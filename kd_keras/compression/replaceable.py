"""Finds the tables that a copy of a model can have in other forms."""

from collections.abc import Sequence
from typing import Any

import keras

from kd_keras.compression.forms import Form
from kd_keras.compression.model_tables import OUTPUT, LeftAlone, ModelTable
from kd_keras.layers.constant import Constant
from kd_keras.layers.find_layers import coded_layers
from kd_keras.learning.plain_model import describes
from kd_keras.learning.replace_layers import replace_uncompiled

CONSTANTS = "it is looked up at constants, as positions are: nothing to gain"
NOT_LOADED = (
    "a class of your own makes it itself, so that a .keras file with another "
    "table could not be loaded: call kd_keras.compress in Python"
)


def replaceable(
    model: Any, tables: list[ModelTable], is_saved: bool = False
) -> tuple[list[ModelTable], list[LeftAlone], set[str]]:
    """Sorts out the tables that a copy of the model cannot replace.

    Args:
        model: Keras model.
        tables: list of `ModelTable` of it.
        is_saved: bool. Whether the copy must be one that Keras can load.

    Returns:
        `(tables, left, names of classes of models that the copy lacks)`.
    """

    def outline(table: ModelTable) -> Any:
        return Form(K=2, D=(1,)).outline(table)

    try:
        copy = replace_uncompiled(model, {x.layer: outline(x) for x in tables})
        reasons = _reasons(copy, is_saved)
        if _undescribed(copy):
            # One layer that cannot be followed may keep others from it.
            raise ValueError
        kept = [x for x in tables if x.name not in reasons]
        left = [
            LeftAlone(x.name, x.layer.count_params(), reasons[x.name])
            for x in tables
            if x.name in reasons
        ]
        return kept, left, _classes(model) - _classes(copy)
    except ValueError:
        pass
    kept, left, dissolved = [], [], set()
    for table in tables:
        try:
            copy = replace_uncompiled(model, {table.layer: outline(table)})
            if reason := _reasons(copy, is_saved).get(table.name):
                raise ValueError(reason)
            kept.append(table)
            dissolved |= _classes(model) - _classes(copy)
        except ValueError as error:
            reason = " ".join(str(error).split())
            numbers = table.layer.count_params()
            left.append(LeftAlone(table.name, numbers, reason))
    return kept, left, dissolved


def _reasons(copy: Any, is_saved: bool) -> dict[str, str]:
    """Says of layers of a copy, by name, why they are left alone."""
    reasons = dict.fromkeys(_looked_up_at_constants(copy), CONSTANTS)
    if is_saved:
        for name in _undescribed(copy):
            reasons.setdefault(name, NOT_LOADED)
    return reasons


def _undescribed(copy: Any) -> set[str]:
    """Names the layers with codes that the configuration does not have."""
    try:
        config = copy.get_config()
    except Exception:  # of a class that has none
        config = None
    layers = coded_layers(copy)
    return {x.name for x in layers if not describes(config, x)}


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
