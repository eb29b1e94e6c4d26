"""The states of recurrent layers that carry them from batch to batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


@contextmanager
def states_kept(model: Any) -> Iterator[None]:
    """Gives a model its present states back at the end.

    Args:
        model: Keras model. Its layers with `stateful=True` change their states
            whenever it is called, in evaluation too.
    """
    variables = [
        x
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.RNN) and layer.stateful
        for x in keras.tree.flatten(layer.states)
        if x is not None
    ]
    values = [np.array(keras.ops.convert_to_numpy(x)) for x in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def reset_states(model: Any) -> None:
    """Sets the states of a model to zeros, as before any data."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            layer.reset_state()
