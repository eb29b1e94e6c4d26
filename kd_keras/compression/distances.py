"""How far the outputs of a small model are from those of the large one."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

# Keras keeps a tensor's mask on the tensor, and has no public name for that.
from keras.src.backend import get_keras_mask
from keras.src.models.functional import Functional

_EPSILON = 1e-7
# Layers and operations that keep the distributions over the last axis.
_PASSED = ("reshape", "dropout", "identity", "activityregularization")


@dataclasses.dataclass(frozen=True)
class Distance:
    """A distance between two models' values of one output.

    Attributes:
        between: Function of both values, shape `(..., n)`, that returns a
            tensor of shape `(...)`: the distance at each place.
        spread: Function of a value that returns a tensor in which the squared
            distance of two near values is about the same distance.
        tempered: Function of a value and a temperature T that returns the
            value, logits or probabilities, with the logits divided by T: above
            1 it is less sure. None for values that are neither.
    """

    between: Callable[[Any, Any], Any]
    spread: Callable[[Any], Any]
    tempered: Callable[[Any, float], Any] | None = None


def distances_for(model: Any, outputs: Sequence[Any]) -> list[Distance | None]:
    """Chooses a distance for each output that a model has computed.

    Probabilities are compared by their divergence, other numbers by their
    squared difference. An output is probabilities if its loss takes it as
    them, or if it ends in a softmax or sigmoid.

    Args:
        model: Keras model.
        outputs: list of tensors, its outputs.

    Returns:
        list of `Distance`; None for outputs that are no floats, as classes.
    """
    tensors = getattr(model, "outputs", None) or [None] * len(outputs)
    losses = _losses(model, len(outputs))
    return [
        _of_output(tensor, loss) if "float" in str(output.dtype) else None
        for output, tensor, loss in zip(outputs, tensors, losses, strict=True)
    ]


def places_of(outputs: Any) -> list[Any]:
    """Lists outputs with at least one axis beside that of the batch."""
    return [
        x if len(x.shape) > 1 else ops.reshape(x, (-1, 1))
        for x in keras.tree.flatten(outputs)
    ]


def _losses(model: Any, count: int) -> list[Any]:
    """Lists the loss of each output, None where it is not known."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, dict):
        return [loss.get(name) for name in _output_names(model, count)]
    if isinstance(loss, (list, tuple)):
        return list(loss) if len(loss) == count else [None] * count
    return [loss] * count


def _output_names(model: Any, count: int) -> list[Any]:
    """Names the outputs as the losses of a model do."""
    given = getattr(model, "_outputs_struct", None)
    if isinstance(given, dict):
        # By the keys, whatever the layers are called.
        paths = keras.tree.flatten_with_path(given)
        return [path[-1] for path, _ in paths]
    return getattr(model, "output_names", None) or [None] * count


def _of_output(tensor: Any, loss: Any) -> Distance:
    activation = _activation_of(tensor)
    for part, make in (("categorical", _of_classes), ("binary", _of_events)):
        if part in _cross_entropy(loss):
            # Keras takes the output of a softmax or sigmoid for probabilities,
            # whatever the loss says.
            is_activated = activation in ("softmax", "sigmoid")
            from_logits = getattr(loss, "from_logits", False)
            return make(from_logits and not is_activated)
    if activation == "softmax":
        return _of_classes(are_logits=False)
    if activation == "sigmoid":
        return _of_events(are_logits=False)
    return Distance(
        lambda a, b: ops.mean(ops.square(_float32(a) - _float32(b)), axis=-1),
        lambda x: _float32(x) / x.shape[-1] ** 0.5,
    )


def is_cross_entropy(loss: Any) -> bool:
    """Tells whether a loss is a cross entropy of Keras, over the last axis."""
    return bool(_cross_entropy(loss)) and getattr(loss, "axis", -1) == -1


def _cross_entropy(loss: Any) -> str:
    """Returns the name of a cross entropy of Keras, else an empty string.

    What a user's own loss takes is not known, whatever its name.
    """
    if isinstance(loss, str):
        name = loss
    else:
        kind = loss if hasattr(loss, "__name__") else type(loss)
        if kind.__module__.split(".")[0] != "keras":
            return ""
        name = kind.__name__
    name = name.replace("_", "").lower()
    return name if name.endswith("crossentropy") else ""


def _activation_of(tensor: Any) -> str | None:
    """Returns the name of the function that an output ends in."""
    while tensor is not None:
        history = tensor._keras_history
        last = history.operation
        if isinstance(last, Functional):  # a model inside
            tensor = last.outputs[history.tensor_index]
            continue
        if isinstance(last, keras.Sequential):
            tensor = last.outputs[0]
            continue
        if isinstance(last, keras.layers.Wrapper):
            last = last.layer
        kind = type(last).__name__.lower()
        name = getattr(getattr(last, "activation", None), "__name__", None)
        if kind in ("softmax", "sigmoid"):
            return kind
        if kind in _PASSED or (kind == "activation" and name == "linear"):
            node = history.operation._inbound_nodes[history.node_index]
            before = keras.tree.flatten(node.input_tensors)[0]
            if before.shape[-1] == tensor.shape[-1]:
                tensor = before
                continue
        return name
    return None


def _of_classes(are_logits: bool) -> Distance:
    """Compares distributions over the last axis."""
    if are_logits:
        return Distance(*_compared(ops.softmax), _divided)
    return Distance(
        *_compared(lambda x: x),
        lambda x, T: ops.softmax(ops.log(_clipped(x) + _EPSILON) / T),
    )


def _of_events(are_logits: bool) -> Distance:
    """Compares probabilities, each of an event of its own."""
    of = ops.sigmoid if are_logits else lambda x: x
    divergence, spread = _compared(
        lambda x: ops.stack([of(x), 1 - of(x)], axis=-1)  # yes and no
    )

    def tempered(chances: Any, T: float) -> Any:
        yes = _clipped(chances)
        logits = ops.log(yes + _EPSILON) - ops.log(1 - yes + _EPSILON)
        return ops.sigmoid(logits / T)

    return Distance(
        lambda a, b: ops.mean(divergence(a, b), axis=-1),
        spread,
        _divided if are_logits else tempered,
    )


def _compared(
    of: Callable[[Any], Any],
) -> tuple[Callable[[Any, Any], Any], Callable[[Any], Any]]:
    """Returns the divergence of distributions, and their spread."""

    def between(taught: Any, given: Any) -> Any:
        a, b = (_clipped(of(x)) for x in (taught, given))
        ratios = ops.log(a + _EPSILON) - ops.log(b + _EPSILON)
        return ops.sum(a * ratios, axis=-1)

    # The divergence of two near distributions is twice the squared distance of
    # their square roots.
    return between, lambda x: ops.sqrt(2 * (_clipped(of(x)) + _EPSILON))


def _divided(logits: Any, T: float) -> Any:
    return _float32(logits) / T


def _clipped(values: Any) -> Any:
    """Returns values as probabilities, as the losses of Keras take them."""
    return ops.clip(_float32(values), 0.0, 1.0)


def _float32(values: Any) -> Any:
    return ops.cast(values, "float32")


def weights_of_places(
    outputs: Sequence[Any], sample_weight: Any = None
) -> list[Any]:
    """Returns how much each place of each output counts in a loss.

    As in Keras, the mean is over the places that are not masked, and sample
    weights multiply it.

    Args:
        outputs: list of tensors, shapes `(batch, ..., n)`, as a model computed
            them, with their masks; see `places_of`.
        sample_weight: None, a tensor for all outputs, or a structure with one
            for each; of shape `(batch,)` or with more of an output's axes.

    Returns:
        list of tensors of float32 whose shapes are those of the outputs but
        for the last axis, or None where all places count the same.
    """
    given = keras.tree.flatten(sample_weight)
    if len(given) == 1:
        given = given * len(outputs)
    if len(given) != len(outputs):
        given = [None] * len(outputs)
    return [_weights_of(x, w) for x, w in zip(outputs, given, strict=True)]


def _weights_of(output: Any, given: Any) -> Any:
    ones = ops.ones_like(output[..., 0], dtype="float32")
    mask = _of_places(output, get_keras_mask(output))
    weights = _of_places(output, given)
    if mask is not None:
        mask = mask * ones
        mask = mask / ops.maximum(ops.mean(mask), _EPSILON)
        return mask if weights is None else mask * weights
    return None if weights is None else weights * ones


def _of_places(output: Any, weights: Any) -> Any:
    """Returns weights in the rank of an output's places."""
    axes = len(output.shape) - 1
    if weights is None or not 0 < len(weights.shape) <= max(axes, 1) + 1:
        return None
    weights = ops.cast(weights, "float32")
    if len(weights.shape) > axes:  # a number for each example, (batch, 1)
        weights = ops.mean(weights, axis=-1)
    while len(weights.shape) < axes:
        weights = ops.expand_dims(weights, -1)
    return weights


def mean_distance(places: Any, weights: Any) -> Any:
    """Returns the mean over places that count as much as their weights."""
    return ops.mean(places if weights is None else places * weights)
