"""Makes a copy of a model in which some layers are others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kd_keras.learning.copies import Copies, first_of, parts_come_first
from kd_keras.learning.copy_graph import is_graph
from kd_keras.learning.copy_replaced_state import layer_pairs
from kd_keras.learning.from_configuration import (
    NotCopiedError,
    from_configuration,
)
from kd_keras.learning.plain_model import describes, is_of, plain_model


def copy_replaced(
    model: Any, pairs: list[tuple[Any, Any]], classes: dict[str, Any]
) -> tuple[Any, list[tuple[Any, Any]]]:
    """Makes the copy, whose weights are not yet those of the model.

    Returns:
        `(copy, layers)`, see `layer_pairs` for the second.
    """

    def replaced(part: Any) -> Any:
        for old, new in pairs:
            if part is old:
                config = new.get_config() | {"name": old.name}
                return from_configuration(new, config, classes)
        inside = [
            pair
            for pair in pairs
            if any(x is pair[0] for x in part._flatten_layers())
        ]
        return made(part, inside)[1] if inside else None

    def made(part: Any, inside: list[tuple[Any, Any]]) -> tuple[Any, Any]:
        ways = (
            lambda: _by_configuration(part, inside, classes),
            lambda: (part, copies.by_parts(part)),
        )
        # A configuration of the whole model keeps its class.
        is_whole = part is model and is_graph(part)
        parts_first = parts_come_first(part) and not is_whole
        return first_of(*(ways[::-1] if parts_first else ways))

    copies = Copies(classes, replaced)
    source, copy = made(model, pairs)
    return copy, layer_pairs(source, copy, pairs)


def _by_configuration(
    model: Any, pairs: list[tuple[Any, Any]], classes: dict[str, Any]
) -> tuple[Any, Any]:
    """Makes the copy of a model whose configuration describes the layers.

    Returns:
        `(source, copy)`. The source has the layers of the copy: it is the
        model, or a plain one.
    """
    layers = [old for old, _ in pairs]
    held = [(x.name, type(x)) for x in model._flatten_layers()]
    for x in layers:
        if held.count((x.name, type(x))) > 1:
            raise NotCopiedError(f"several layers have the name {x.name!r}")
    with _small_configurations(layers), _described(model, layers) as source:
        config = source.get_config()
    for old, new in pairs:
        config, found = _swap(config, old, new)
        if not found:
            raise NotCopiedError(
                f"its configuration does not describe {old.name!r}"
            )
    copy = from_configuration(source, config, classes)
    layer_pairs(source, copy, pairs)  # else there may be another way
    return source, copy


@contextmanager
def _small_configurations(layers: list[Any]) -> Iterator[None]:
    """Leaves matrices that layers began with out of their configurations.

    `Constant(matrix)`, the usual initializer of a table of word vectors, would
    write each number of a table that is replaced anyway.
    """
    given = [
        (layer, name, value)
        for layer in layers
        for name, value in vars(layer).items()
        if isinstance(value, keras.initializers.Constant)
    ]
    for layer, name, _ in given:
        setattr(layer, name, keras.initializers.Zeros())
    try:
        yield
    finally:
        for layer, name, value in given:
            setattr(layer, name, value)


@contextmanager
def _described(model: Any, layers: list[Any]) -> Iterator[Any]:
    """Gives a model whose configuration describes some of its layers."""
    if not is_graph(model) or _describes_all(model, layers):
        yield model
        return
    with plain_model(model, layers) as plain:
        yield plain


def _describes_all(model: Any, layers: list[Any]) -> bool:
    try:
        config = model.get_config()
    except Exception:  # of a class that has none
        return False
    return all(describes(config, x) for x in layers)


def _swap(config: Any, old: Any, new: Any) -> tuple[Any, int]:
    """Returns a configuration with a layer replaced, and how often it was."""
    node = keras.saving.serialize_keras_object(new)
    node["config"] = node["config"] | {"name": old.name}
    found = 0

    def walk(part: Any) -> Any:
        nonlocal found
        if isinstance(part, (list, tuple)):
            return type(part)(walk(x) for x in part)
        if not isinstance(part, dict):
            return part
        if is_of(part, old):
            found += 1
            # Where a functional model calls it, and by which name.
            kept = {x: part[x] for x in ("name", "inbound_nodes") if x in part}
            return node | kept
        return {name: walk(x) for name, x in part.items()}

    changed = walk(config)
    return changed, found
