"""How far the outputs of a small model are from those of the large one."""

import dataclasses
from collections.abc import Callable, Sequence
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


def distances_of(model: Any) -> list[Distance] | None:
    """Chooses a distance for each output of a model.

    Probabilities are compared by their divergence, other numbers by their
    squared difference.

    Args:
        model: Keras model.

    Returns:
        list of `Distance`, one for each output; None if the
        model does not say how many it has.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return None
    return [_of_output(model, tensor) for tensor in outputs]


def distances_for(model: Any, outputs: Sequence[Any]) -> list[Distance]:
    """Returns a distance for each output that a model has computed."""
    found = distances_of(model)
    return found or [_of_output(model, None)] * len(outputs)


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
    return Distance(
        lambda a, b: ops.mean(ops.square(a - b)),
        lambda x: x / x.shape[-1] ** 0.5,
    )


def _probabilities(of: Callable[[Any], Any]) -> Distance:
    """Compares distributions over the last axis."""

    def between(taught: Any, given: Any) -> Any:
        a, b = (ops.cast(of(x), "float32") for x in (taught, given))
        ratios = ops.log(a + _EPSILON) - ops.log(b + _EPSILON)
        return ops.mean(ops.sum(a * ratios, axis=-1))

    # The divergence of two near distributions is twice the squared distance of
    # their square roots.
    return Distance(between, lambda x: ops.sqrt(2 * (of(x) + _EPSILON)))


def _chances(of: Callable[[Any], Any]) -> Distance:
    """Compares probabilities, each of an event of its own."""
    return _probabilities(
        lambda x: ops.stack([of(x), 1 - of(x)], axis=-1)  # yes and no
    )
