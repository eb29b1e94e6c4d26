"""Copies a model with its tables in other forms."""

from collections.abc import Callable, Sequence
from typing import Any

from kd_keras.compression.forms import AS_IT_IS, Form
from kd_keras.compression.model_tables import ModelTable
from kd_keras.learning.replace_layers import (
    replace_layers,
    replace_uncompiled,
)


def with_forms(
    model: Any,
    tables: Sequence[ModelTable],
    forms: Sequence[Form],
    make: Callable[[Form, ModelTable], Any],
    compiled: bool = True,
) -> Any:
    """Copies a model with other layers in the place of its tables.

    Args:
        model: Keras model.
        tables: list of `ModelTable` of it.
        forms: list of `Form`, one for each table.
        make: Function of a form and a table that makes the layer.
        compiled: bool. Whether the copy is compiled like the model.
    """
    replace = replace_layers if compiled else replace_uncompiled
    return replace(
        model,
        {
            table.layer: make(form, table)
            for form, table in zip(forms, tables, strict=True)
            if form.kind != AS_IT_IS
        },
    )
