"""Finds layers wherever they are in a model."""

from typing import Any

import keras

from kd_keras.layers.coded_layer import CodedLayer
from kd_keras.layers.kd_code_learner import KDCodeLearner


def find_layers(layer: keras.layers.Layer, layer_class: Any) -> list[Any]:
    """Finds the layers of a class in a layer or model, nested ones included.

    Args:
        layer: `keras.Layer` or `keras.Model`. It may itself be found.
        layer_class: class or tuple of classes.

    Returns:
        List of layers, each once.
    """
    # Keras offers no public walk over sublayers of sublayers.
    return [
        found
        for found in layer._flatten_layers()
        if isinstance(found, layer_class)
    ]


def coded_layers(layer: keras.layers.Layer) -> list[CodedLayer]:
    """Finds the layers that hold codes, nested ones included."""
    return find_layers(layer, CodedLayer)


def output_layer(model: keras.layers.Layer) -> keras.layers.Layer | None:
    """Finds the layer that computes the only output of a model.

    Args:
        model: Keras layer or model, built.

    Returns:
        The layer; None if the model has several outputs, ends in an operation
        that is not a layer (`ops.softmax`), or is a layer or subclassed model,
        which does not say what computes its outputs.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs or len(outputs) > 1:
        return None
    last = outputs[0]._keras_history.operation
    return last if isinstance(last, keras.layers.Layer) else None


def ends_reversed(model: keras.layers.Layer) -> bool:
    """Tells whether a model ends in `embedding(..., reverse=True)`: in logits.

    Args:
        model: Keras layer or model, built.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs or len(outputs) > 1:
        return False
    history = outputs[0]._keras_history
    return is_reversed(history.operation._inbound_nodes[history.node_index])


def is_reversed(node: Any) -> bool:
    """Tells whether a call in a graph is one with `reverse=True`."""
    return bool(node.arguments.kwargs.get("reverse"))


def learners_of(callback: keras.callbacks.Callback) -> list[KDCodeLearner]:
    """Finds the layers that learn codes in the model of a callback.

    Args:
        callback: Keras callback whose `model` is set.

    Returns:
        List of `KDCodeLearner`, at least one.

    Raises:
        ValueError: If there is none.
    """
    learners = find_layers(callback.model, KDCodeLearner)
    if not learners:
        raise ValueError(
            f"{type(callback).__name__} needs a layer that learns codes "
            '(KDEmbedding(..., codes="learn") or KDCodeLearner). '
            f"Received: model {callback.model.name!r} without one"
        )
    return learners
