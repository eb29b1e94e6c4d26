"""The states of recurrent layers that carry them from batch to batch."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import keras
import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def keeps_states(
    function: Callable[Concatenate[Any, P], R],
) -> Callable[Concatenate[Any, P], R]:
    """Decorates a function of a model that leaves its states as they were."""

    @functools.wraps(function)
    def kept(model: Any, *args: P.args, **kwargs: P.kwargs) -> R:
        if not isinstance(model, keras.Model):  # the function refuses it
            return function(model, *args, **kwargs)
        with states_kept(model):
            return function(model, *args, **kwargs)

    return kept


@contextmanager
def states_kept(model: Any) -> Iterator[None]:
    """Gives a model its present states back at the end.

    Args:
        model: Keras model. Its layers with `stateful=True` change their states
            whenever it is called, in evaluation too.
    """
    variables = [
        x
        for layer in stateful_layers(model)
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
    for layer in stateful_layers(model):
        layer.reset_state()


def stateful_layers(model: Any) -> list[Any]:
    """Lists the recurrent layers that carry their states between batches."""
    return [
        x
        for x in model._flatten_layers()
        if isinstance(x, keras.layers.RNN) and x.stateful
    ]
