"""Describes functional models whose classes hide their layers."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

# Keras has no public names for these: masks lie on the tensors, and a model of
# the second kind is made from inputs and outputs.
from keras.src.backend import get_keras_mask, set_keras_mask
from keras.src.models.functional import Functional, functional_like_constructor

from kd_keras.layers.calls_replaced import calls_replaced
from kd_keras.layers.constant import Constant
from kd_keras.learning.copy_graph import graph_of, like, model_of
from kd_keras.learning.copy_model import are_close
from kd_keras.learning.from_configuration import NotCopiedError
from kd_keras.learning.random_inputs import random_inputs

# Arguments of `call` that Keras fills in, which a plain call would lack.
_BY_KERAS = ("training", "mask")


@contextmanager
def plain_model(model: Any, layers: Sequence[Any]) -> Iterator[Any]:
    """Gives a plain functional model of the same layers.

    A functional model may be of a class whose `get_config` holds other
    arguments than its layers, as backbones and tasks of keras-hub are. Its
    graph says all the same what it computes. So does the `call` of a layer
    that holds layers which its configuration does not describe, as
    keras-hub's `TokenAndPositionEmbedding`: it is followed, if one of `layers`
    is inside.

    Args:
        model: Keras model, functional or Sequential, built. It is not changed;
            its layers have more nodes until the context ends.
        layers: list of layers in it which the configuration of the plain
            model must describe.

    Yields:
        A `keras.Model` with the same inputs, outputs and layers, but without
        models and layers that hide others.

    Raises:
        NotCopiedError: If that cannot be done.
    """
    operations = {
        id(x): x
        for part in model._flatten_layers()
        for x in (part, *_operations(part))
    }
    counts = [
        (x, len(x._inbound_nodes), len(x._outbound_nodes))
        for x in operations.values()
    ]
    try:
        yield _Maker(layers).plain(model)
    finally:
        for x, inbound, outbound in counts:
            del x._inbound_nodes[inbound:]
            del x._outbound_nodes[outbound:]


def _operations(model: Any) -> Sequence[Any]:
    """Lists the operations of a model with a graph; none of other layers."""
    graph = graph_of(model)
    return () if graph is None else graph._operations


class _Maker:
    """Makes a plain model whose configuration describes some layers."""

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = layers
        self.followed: list[Any] = []

    def plain(self, model: Any) -> Any:
        graph = graph_of(model)
        if graph is None:
            raise NotCopiedError(f"{model.name} has no graph")
        inputs = keras.tree.map_structure(like, graph._inputs_struct)
        outputs = self._run(graph, inputs)
        plain = model_of(model, inputs, outputs)
        self._check_weights(plain)
        _check_outputs(model, plain)
        return plain

    def _run(self, graph: Any, inputs: Any) -> Any:
        """Calls the operations of a model on other symbolic inputs."""
        flat = graph._standardize_inputs(inputs)
        return graph._run_through_graph(flat, operation_fn=self._as_plain)

    def _as_plain(self, operation: Any) -> Any:
        graph = graph_of(operation)
        if graph is not None and self._hides(operation):

            def run(x: Any, training: Any = None, mask: Any = None) -> Any:
                # Layers get `training` by themselves when they are called.
                tensors = keras.tree.flatten(x)
                masks = keras.tree.flatten(mask)
                masks = masks if len(masks) == len(tensors) else []
                for tensor, given in zip(tensors, masks, strict=False):
                    if given is not None:  # as a functional model does
                        set_keras_mask(tensor, given)
                return self._run(graph, x)

            return run
        if self._holds(operation):
            self.followed.append(operation)
            return _followed(operation)
        return operation

    def _hides(self, model: Any) -> bool:
        """Whether a configuration does not describe all that it must."""
        plain = isinstance(model, keras.Sequential) or (
            functional_like_constructor(type(model))
            and type(model).get_config is Functional.get_config
        )
        return not plain or any(
            self._hides(x) if graph_of(x) is not None else self._holds(x)
            for x in _operations(model)
        )

    def _holds(self, operation: Any) -> bool:
        """Whether a layer has one of the layers and does not describe it."""
        if isinstance(operation, keras.Model) or not isinstance(
            operation, keras.Layer
        ):
            return False
        inside = list(operation._flatten_layers(include_self=False))
        held = [x for x in self.layers if any(x is y for y in inside)]
        if not held:
            return False
        try:
            config = operation.get_config()
        except Exception:  # of a class that has none
            return True
        return not all(describes(config, x) for x in held)

    def _check_weights(self, plain: Any) -> None:
        """Refuses layers of which a part was followed without its weights."""
        found = {id(v) for v in plain.variables}
        for layer in self.followed:
            lost = [v for v in layer.variables if id(v) not in found]
            if lost:
                raise NotCopiedError(
                    f"{layer.name}, a {type(layer).__name__}, holds layers "
                    "that its configuration does not describe, and has "
                    f"weights of its own: {lost[0].path}"
                )


def _followed(layer: Any) -> Any:
    """Returns the `call` of a layer, if that may be called on its own."""
    parameters = inspect.signature(layer.call).parameters
    reasons = [f"its `call` takes `{x}`" for x in parameters if x in _BY_KERAS]
    if layer.activity_regularizer is not None:
        reasons.append("it has an activity regularizer")
    if reasons:
        raise NotCopiedError(
            f"{layer.name}, a {type(layer).__name__}, holds layers that its "
            f"configuration does not describe, and {reasons[0]}"
        )

    def call(*args: Any, **kwargs: Any) -> Any:
        given = keras.tree.flatten([args, kwargs])
        anchor = next(x for x in given if isinstance(x, keras.KerasTensor))
        with _lifted_constants(layer, anchor):
            return layer.call(*_tensors(args), **_tensors(kwargs))

    return call


def _tensors(given: Any) -> Any:
    """Converts arrays, as Keras does before it calls a layer."""

    def tensor(x: Any) -> Any:
        is_array = isinstance(x, np.ndarray)
        return keras.ops.convert_to_tensor(x) if is_array else x

    return keras.tree.map_structure(tensor, given)


@contextmanager
def _lifted_constants(layer: Any, anchor: Any) -> Iterator[None]:
    """Makes calls of the layers inside a part of the graph.

    A `call` that is followed may call one of its layers on an array of its
    own, as on `ops.arange(length)`. The layer would then be computed at once,
    and its weights be lost.

    Args:
        layer: Keras layer whose `call` is followed.
        anchor: `KerasTensor` of the graph. `Constant` must be called on one.
    """
    lifting: list[Any] = []

    def lifted(part: Any) -> Callable[[Any], Any]:
        def call(inputs: Any) -> Any:
            constant = None if lifting else _constant(inputs)
            if constant is None:
                return None
            lifting.append(part)
            try:
                return part(constant(anchor))
            finally:
                lifting.pop()

        return call

    inside = layer._flatten_layers(include_self=False)
    with calls_replaced({part: lifted(part) for part in inside}):
        yield


def _constant(tensor: Any) -> Constant | None:
    """Returns the layer of a tensor; None if its values are not known yet."""
    try:
        values = keras.ops.convert_to_numpy(tensor)
    except Exception:  # what a backend raises for tensors of a graph
        return None
    return Constant(values, keras.backend.standardize_dtype(tensor.dtype))


def _check_outputs(model: Any, plain: Any) -> None:
    """Checks on random inputs that a plain model computes the same.

    The two have the same weights. The random ids are 0 and 1, so that masks
    of padding matter.
    """
    inputs = random_inputs(model)
    if any(getattr(x, "stateful", False) for x in model._flatten_layers()):
        return
    try:
        wanted = keras.tree.flatten(model(inputs, training=False))
    except Exception:  # the inputs may not suit the model
        return
    found = keras.tree.flatten(plain(inputs, training=False))
    for a, b in zip(wanted, found, strict=True):
        masks = [get_keras_mask(x) for x in (a, b)]
        pairs = [(a, b)] if masks == [None, None] else [(a, b), tuple(masks)]
        if not all(_agree(*pair) for pair in pairs):
            raise NotCopiedError(
                "a plain model of its layers computes other outputs or masks"
            )


def _agree(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return False
    return are_close(*(keras.ops.convert_to_numpy(x) for x in (a, b)))


def describes(config: Any, layer: Any) -> bool:
    """Returns whether a configuration holds that of a layer."""
    if isinstance(config, (list, tuple)):
        return any(describes(x, layer) for x in config)
    if not isinstance(config, dict):
        return False
    return is_of(config, layer) or any(
        describes(x, layer) for x in config.values()
    )


def is_of(config: dict[str, Any], layer: Any) -> bool:
    """Returns whether a dict is the configuration of a layer."""
    inner = config.get("config")
    return (
        config.get("class_name") == type(layer).__name__
        and isinstance(inner, dict)
        and inner.get("name") == layer.name
    )
