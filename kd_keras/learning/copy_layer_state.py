"""Copies what a layer has beside its configuration."""

import functools
import tempfile
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from kd_keras.learning.holds_state import holds_state
from kd_keras.learning.own_objects import is_own

# The lists of a layer's own weights; Keras has no public names for them.
OWN_WEIGHTS = ("_trainable_variables", "_non_trainable_variables")


def copy_settings(source: Any, target: Any) -> None:
    """Gives a layer of a copy what its configuration may not have.

    The names of layers that another one makes are not in its configuration,
    and neither is whether they are trainable. Nor are numbers and arrays that
    a layer of a user's own class drew in `__init__`, or was given since.
    """
    target.name = source.name
    if target.trainable != source.trainable:
        target.trainable = source.trainable
    for given, mine in zip(
        source._trainable_variables, target._trainable_variables, strict=False
    ):
        if mine.trainable != given.trainable:
            mine.trainable = given.trainable
    if not is_own(type(source)) or type(source) is not type(target):
        return
    for name, value in list(vars(source).items()):
        if name in _of_keras() or not _is_plain(value):
            continue
        if not _are_equal(value, vars(target).get(name)):
            is_array = isinstance(value, np.ndarray)
            setattr(target, name, value.copy() if is_array else value)


@functools.cache
def _of_keras() -> frozenset[str]:
    """Names the attributes that any layer or model has."""
    layers = keras.Layer(name="any"), keras.Model(name="any")
    return frozenset(name for layer in layers for name in vars(layer))


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype != object
    plain = (bool, int, float, complex, str, bytes, np.generic)
    return value is None or isinstance(value, plain)


def _are_equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(np.all(np.equal(a, b)))


def check_weights(
    pairs: Iterable[tuple[Any, Any]], replaced: Iterable[Any] = ()
) -> None:
    """Checks that the weights of a copy are paired with those of its source.

    Args:
        pairs: Iterable of (layer, copy of it).
        replaced: Iterable of layers that have no copy.

    Raises:
        ValueError: If a weight is held by two layers, and is two weights in
            the copy; if a weight is in both; or if a `Lambda` uses layers,
            which would then be used by both.
    """
    found: dict[int, Any] = {id(v): None for x in replaced for v in x.variables}
    for layer, target in pairs:
        is_lambda = isinstance(layer, keras.layers.Lambda)
        if is_lambda and holds_state(layer.function):
            raise ValueError(
                "A copy needs a Lambda whose function uses no layers. "
                f"Received: {layer.name}"
            )
        for name in OWN_WEIGHTS:
            for a, b in zip(
                getattr(layer, name), getattr(target, name), strict=False
            ):
                if a is b or found.setdefault(id(a), b) is not b:
                    raise ValueError(
                        "A copy needs weights that one layer holds. Received: "
                        f"{layer.name}, which holds a weight of another layer"
                    )


def check_graphs(model: Any) -> None:
    """Checks that no graph in a model reads a weight of a layer by itself.

    `ops.einsum("bd,nd->bn", hidden, table.embeddings)` of a symbolic tensor is
    such a graph. In a copy that is trained, as in one by Keras, it would read a
    constant. (`ops.transpose(table.embeddings)` is one in the model already.)

    Raises:
        ValueError: If one does.
    """
    layers = model._flatten_layers()
    owners = {
        id(v): layer.name
        for layer in layers
        for name in OWN_WEIGHTS
        for v in getattr(layer, name)
    }
    graphs = [getattr(x, "_nodes_by_depth", {}).values() for x in layers]
    nodes = [x for graph in graphs for found in graph for x in found]
    for node in nodes:
        read = keras.tree.flatten((node.arguments.args, node.arguments.kwargs))
        names = [owners[id(x)] for x in read if id(x) in owners]
        if names:
            raise ValueError(
                "A copy needs weights that only layers read, as a layer of "
                "your own does, or keras.layers.ReversibleEmbedding with "
                "`reverse=True`. Received: "
                f"{node.operation.name}, which reads those of {names[0]}"
            )


def copy_own_state(layer: Any, target: Any) -> None:
    """Copies what a layer saves, without that of the layers inside it."""
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    if store:
        arrays = {
            name: keras.ops.convert_to_numpy(value)
            for name, value in store.items()
        }
        target.load_own_variables(arrays)
    if hasattr(layer, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            layer.save_assets(folder)
            target.load_assets(folder)
