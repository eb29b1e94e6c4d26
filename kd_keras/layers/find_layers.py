"""Finding layers wherever they sit in a model."""

import keras

from kd_keras.layers.kd_code_learner import KDCodeLearner


def find_layers(layer, layer_class):
    """Finds the layers of a class in a layer or model, nested ones included.

    Args:
        layer: `keras.Layer` or `keras.Model`; it may itself be found.
        layer_class: Class or tuple of classes.

    Returns:
        List of layers, each once.
    """
    # Keras offers no public walk over sublayers of sublayers.
    return [
        found
        for found in layer._flatten_layers()
        if isinstance(found, layer_class)
    ]


def output_layer(model):
    """Finds the layer that gives a model's only output.

    Args:
        model: Built Keras layer or model.

    Returns:
        The layer; None where the model has several outputs, ends in an
        operation that is no layer (`ops.softmax`), or does not tell what
        gives them (a subclassed model, a layer).
    """
    outputs = getattr(model, "outputs", None)
    if not outputs or len(outputs) > 1:
        return None
    last = outputs[0]._keras_history.operation
    return last if isinstance(last, keras.layers.Layer) else None


def learners_of(callback):
    """Finds the layers that learn codes in a callback's model.

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
