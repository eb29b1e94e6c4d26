"""Copies functional and Sequential models layer by layer."""

from collections.abc import Callable
from typing import Any

import keras

# Keras has no public name for the second.
from keras.src.models.functional import Functional, functional_like_constructor


def copy_graph(model: Any, copied: Callable[[Any], Any]) -> Any:
    """Makes a model whose layers are copies.

    A configuration of the whole model is not needed: each layer is copied by
    itself, also one whose own configuration does not describe it.

    Args:
        model: Keras model, functional or Sequential, built. It is not changed.
        copied: Function of a layer that returns its copy. It is called once
            for each use of the layer, and must return the same copy.

    Returns:
        A Sequential or functional model, of the same class if that is made from
        inputs and outputs. It is not compiled.
    """
    if isinstance(model, keras.Sequential):
        layers = [
            keras.layers.InputLayer.from_config(layer.get_config())
            if isinstance(layer, keras.layers.InputLayer)
            else copied(layer)
            for layer in model._layers
        ]
        copy = keras.Sequential(layers, name=model.name)
        # Keras makes no graph of some, and does not build them before a call.
        copy.built = model.built
        return copy
    graph = graph_of(model)
    inputs = keras.tree.map_structure(like, graph._inputs_struct)
    operations: dict[int, Any] = {}

    def copy_of(operation: Any) -> Any:
        if isinstance(operation, keras.Layer):
            return copied(operation)
        if id(operation) not in operations:
            config = operation.get_config()
            operations[id(operation)] = type(operation).from_config(config)
        return operations[id(operation)]

    outputs = graph._run_through_graph(
        graph._standardize_inputs(inputs), operation_fn=copy_of
    )
    return model_of(model, inputs, outputs)


def model_of(model: Any, inputs: Any, outputs: Any) -> Any:
    """Makes a functional model of the class of another one, or a plain one."""
    is_functional = isinstance(model, Functional) and keeps_class(model)
    kind: Any = type(model) if is_functional else keras.Model
    return kind(inputs, outputs, name=model.name)


def is_graph(layer: Any) -> bool:
    """Tells whether a layer is a functional or Sequential model."""
    return isinstance(layer, (Functional, keras.Sequential))


def keeps_class(model: Any) -> bool:
    """Tells whether a model is made from inputs and outputs, or of layers."""
    if isinstance(model, keras.Sequential):
        return type(model) is keras.Sequential
    return bool(functional_like_constructor(type(model)))


def graph_of(model: Any) -> Any:
    """Returns the functional model that a model is or, if Sequential, has."""
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if isinstance(model, Functional) else None


def like(tensor: Any) -> Any:
    """Makes an input like another one."""
    operation = tensor._keras_history.operation
    return keras.Input(
        batch_shape=tensor.shape,
        dtype=tensor.dtype,
        sparse=tensor.sparse,
        name=operation.name,
        optional=getattr(operation, "optional", False),
    )
