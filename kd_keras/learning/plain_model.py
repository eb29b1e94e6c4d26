"""Describes functional models whose classes hide their layers."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

# Of a model that is made from inputs and outputs.
from keras.src.models.functional import Functional, functional_like_constructor


class NotPlainError(Exception):
    """A model of which no plain model can be made; says why."""


@contextmanager
def plain_model(model: Any, layers: Sequence[Any]) -> Iterator[Any]:
    """Gives a plain functional model of the same layers.

    A functional model may be of a class whose `get_config` holds other
    arguments than its layers, as backbones and tasks of keras-hub are. Its
    graph says all the same what it computes. So does the `call` of a layer
    that holds layers which its configuration does not describe, as
    keras-hub's `TokenAndPositionEmbedding`: it is followed, if one of `layers`
    is inside.

    Args:
        model: Keras model, functional, built. It is not changed; its layers
            have more nodes until the context ends.
        layers: list of layers in it which the configuration of the plain
            model must describe.

    Yields:
        A `keras.Model` with the same inputs, outputs and layers, but without
        models and layers that hide others.

    Raises:
        NotPlainError: If that cannot be done.
    """
    operations = [model, *model._flatten_layers(include_self=False)]
    counts = [
        (x, len(x._inbound_nodes), len(x._outbound_nodes)) for x in operations
    ]
    try:
        yield _plain(model, layers)
    finally:
        for x, inbound, outbound in counts:
            del x._inbound_nodes[inbound:]
            del x._outbound_nodes[outbound:]


def _plain(model: Any, layers: Sequence[Any]) -> Any:
    inputs = keras.tree.map_structure(_like, model._inputs_struct)
    outputs = _run(model, layers, inputs)
    plain = keras.Model(inputs, outputs, name=model.name)
    wanted = {id(v) for v in model.variables}
    if wanted != {id(v) for v in plain.variables}:
        raise NotPlainError("some of its weights are not in its graph")
    return plain


def _like(tensor: Any) -> Any:
    return keras.Input(
        batch_shape=tensor.shape,
        dtype=tensor.dtype,
        sparse=tensor.sparse,
        name=tensor._keras_history.operation.name,
    )


def _run(model: Any, layers: Sequence[Any], inputs: Any) -> Any:
    """Calls the operations of a model on other symbolic inputs."""

    def as_plain(operation: Any) -> Any:
        if isinstance(operation, Functional) and _hides(operation):
            # A nested model is called with its inputs, and perhaps with
            # `training` and `mask`, which its layers get by themselves.
            return lambda x, training=None, mask=None: _run(
                operation, layers, x
            )
        if _holds(operation, layers):
            return _followed(operation)
        return operation

    flat = model._standardize_inputs(inputs)
    return model._run_through_graph(flat, operation_fn=as_plain)


def _hides(model: Any) -> bool:
    """Whether the configuration of a model does not describe all layers."""
    is_plain = (
        functional_like_constructor(type(model))
        and type(model).get_config is Functional.get_config
    )
    return not is_plain or any(
        isinstance(x, Functional) and _hides(x)
        for x in model._flatten_layers(include_self=False)
    )


def _holds(operation: Any, layers: Sequence[Any]) -> bool:
    """Whether a layer holds one of some layers and does not describe it."""
    if isinstance(operation, keras.Model) or not isinstance(
        operation, keras.Layer
    ):
        return False
    inside = list(operation._flatten_layers(include_self=False))
    held = [x for x in layers if any(x is y for y in inside)]
    if not held:
        return False
    config = operation.get_config()
    return not all(describes(config, x) for x in held)


def describes(config: Any, layer: Any) -> bool:
    """Returns whether a configuration holds that of a layer."""
    if isinstance(config, (list, tuple)):
        return any(describes(x, layer) for x in config)
    if not isinstance(config, dict):
        return False
    return is_of(config, layer) or any(
        describes(x, layer) for x in config.values()
    )


def is_of(config: dict[str, Any], layer: Any) -> bool:
    """Returns whether a dict is the configuration of a layer."""
    inner = config.get("config")
    return (
        config.get("class_name") == type(layer).__name__
        and isinstance(inner, dict)
        and inner.get("name") == layer.name
    )


def _followed(layer: Any) -> Any:
    """Returns the `call` of a layer, if that may be called on its own."""
    parameters = inspect.signature(layer.call).parameters
    for name in ("training", "mask"):
        if name in parameters:
            raise NotPlainError(
                f"{layer.name}, a {type(layer).__name__}, holds layers that "
                f"its configuration does not describe, and its `call` takes "
                f"`{name}`"
            )
    return layer.call
