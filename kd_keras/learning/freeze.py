"""Fixes the codes that a model has learned."""

from typing import Any

import keras

from kd_keras.layers.find_layers import coded_layers
from kd_keras.learning.copy_model import copy_with_fixed_codes


def freeze(layer_or_model: Any) -> Any:
    """Copies a layer or model and fixes the codes it has learned.

    In the copy every coded layer has its present codes as fixed weights,
    uint8 up to K = 256, instead of `(N, D, K)` float logits. All other
    weights, the code embeddings included, have the same values and can be
    trained further. The copy computes what the original computes in
    evaluation: this is checked on random inputs, unless the model does not
    say what it takes, or has a stateful RNN.
    The copy is not compiled, as with `keras.models.clone_model`, and a
    stateful RNN starts anew.

    A `.keras` file of the copy loads as usual, unless a subclassed model
    writes `codes="learn"` into its own `__init__`: loading runs that again.
    Save the weights of the copy then, and load them into `freeze` of a new
    model.

    Args:
        layer_or_model: `KDEmbedding`, or a built Keras model (Sequential,
            functional, or subclassed) that holds such layers at any depth. It
            is not changed.

    Returns:
        A new layer or model of the same class.

    Raises:
        ValueError: If there is no coded layer in it, it is not built, no copy
            can be made, or it has two classes of one name.

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> model = keras.Sequential(
    ...     [kd_keras.KDEmbedding(100, 8, K=4, D=3, codes="learn")]
    ... )
    >>> ids = np.array([[1, 2, 3]])
    >>> before = model(ids)
    >>> small = kd_keras.freeze(model)
    >>> print(np.allclose(before, small(ids)), small.layers[0].codes.dtype)
    True uint8
    """
    is_layer = isinstance(layer_or_model, keras.layers.Layer)
    if not is_layer or not coded_layers(layer_or_model):
        raise ValueError(
            "freeze needs a KDEmbedding or a model with one. Received: "
            f"{layer_or_model!r}"
        )
    if not layer_or_model.built:
        raise ValueError(
            "freeze needs a built model: call it once on ids. Received: "
            f"{layer_or_model!r}, not built"
        )
    return copy_with_fixed_codes(layer_or_model)
