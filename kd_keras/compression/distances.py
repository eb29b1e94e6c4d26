"""How far the outputs of a small model are from those of the large one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

_EPSILON = 1e-7


@dataclasses.dataclass(frozen=True)
class Distance:
    """A distance between two models' values of one output.

    Attributes:
        between: Function of both values that returns a scalar tensor.
        spread: Function of a value that returns a tensor in which the squared
            distance of two near values is about the same distance.
    """

    between: Callable[[Any, Any], Any]
    spread: Callable[[Any], Any]


def distances_of(model: Any) -> list[Distance]:
    """Chooses a distance for each output of a model.

    Probabilities are compared by their divergence, other numbers by their
    squared difference.

    Args:
        model: Keras model.

    Returns:
        list of `Distance`; of one if the model does not say how many outputs
        it has.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return [_of_output(model, None)]
    return [_of_output(model, tensor) for tensor in outputs]


def _of_output(model: Any, tensor: Any) -> Distance:
    activation = None
    if tensor is not None:
        last = tensor._keras_history.operation
        function = getattr(last, "activation", None)
        activation = getattr(function, "__name__", None)
        if isinstance(last, keras.layers.Softmax):
            activation = "softmax"
    loss = getattr(model, "loss", None)
    name = loss if isinstance(loss, str) else type(loss).__name__
    name = name.replace("_", "").lower()
    if getattr(loss, "from_logits", False):
        if "categoricalcrossentropy" in name:
            return _probabilities(ops.softmax)
        if "binarycrossentropy" in name:
            return _chances(ops.sigmoid)
    if activation == "softmax":
        return _probabilities(lambda x: x)
    if activation == "sigmoid":
        return _chances(lambda x: x)
    return Distance(lambda a, b: ops.mean(ops.square(a - b)), lambda x: x)


def _probabilities(of: Callable[[Any], Any]) -> Distance:
    """Compares distributions over the last axis."""

    def between(taught: Any, given: Any) -> Any:
        a, b = of(taught), of(given)
        ratios = ops.log(a + _EPSILON) - ops.log(b + _EPSILON)
        return ops.mean(ops.sum(a * ratios, axis=-1))

    return Distance(between, lambda x: ops.sqrt(of(x) + _EPSILON))


def _chances(of: Callable[[Any], Any]) -> Distance:
    """Compares probabilities, each of an event of its own."""
    both = _probabilities(
        lambda x: ops.stack([of(x), 1 - of(x)], axis=-1)  # yes and no
    )
    return Distance(both.between, both.spread)
