"""Copies functional and Sequential models layer by layer."""

from collections.abc import Callable
from typing import Any

import keras

from kd_keras.learning.plain_model import graph_of, like


def copy_graph(model: Any, copied: Callable[[Any], Any]) -> Any:
    """Makes a model whose layers are copies.

    A configuration of the whole model is not needed: each layer is copied by
    itself, also one whose own configuration does not describe it.

    Args:
        model: Keras model, functional or Sequential, built. It is not changed.
        copied: Function of a layer that returns its copy. It is called once
            for each use of the layer, and must return the same copy.

    Returns:
        A Sequential, or a plain functional model. It is not compiled.
    """
    graph = graph_of(model)
    inputs = keras.tree.map_structure(like, graph._inputs_struct)
    if isinstance(model, keras.Sequential):
        layers = [copied(layer) for layer in model.layers]
        return keras.Sequential([inputs, *layers], name=model.name)
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
    return keras.Model(inputs, outputs, name=model.name)
