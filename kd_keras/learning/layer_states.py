"""Compares the layers of a model with those of a copy."""

import functools
import inspect
from typing import Any

import keras

from kd_keras.layers.find_layers import coded_layers
from kd_keras.learning.copy_graph import is_graph
from kd_keras.learning.from_configuration import NotCopiedError

# Loading merges LoRA weights into others.
_NOT_COMPARED = ("name", "stateful", "lora_rank", "lora_alpha")


def check_alike(layer: Any, copy: Any) -> None:
    """Checks that a copy has the layers of a layer, in the same states.

    Raises:
        NotCopiedError: If it has others.
    """
    if _states(layer) != _states(copy):
        raise NotCopiedError(
            f"the configuration of {layer.name} does not describe all of it"
        )


def _states(layer: Any) -> list[tuple[Any, ...]]:
    """Lists the layers that a copy must have too; learners may be left out."""
    learners = {id(x.learner) for x in coded_layers(layer)}
    return [
        (type(x), *state_of(x))
        for x in layer._flatten_layers()
        if id(x) not in learners and not isinstance(x, keras.layers.InputLayer)
    ]


def state_of(layer: Any) -> tuple[Any, ...]:
    """Returns what must be the same in a copy of a layer."""
    if is_graph(layer):
        return (layer.built,)
    return layer.built, layer.dtype_policy.name, _settings(layer)


def _settings(layer: Any) -> str:
    """Tells the settings of a layer of Keras, as of one that another makes.

    The `get_config` of a user's own layer may leave out some of what the layers
    inside were made with. What is no argument may tell of the layer's past: a
    `Dense` that was loaded has attributes that one from a configuration lacks.
    """
    of_keras = type(layer).__module__.split(".")[0] == "keras"
    if not of_keras or isinstance(layer, keras.layers.Embedding):
        return ""  # its initializer may have all numbers of the table
    kind: Any = type(layer)
    arguments = _arguments(kind)
    settings = {
        name: value
        for name, value in vars(layer).items()
        if name in arguments
        and isinstance(value, (bool, int, float, str, tuple))
    }
    activation = getattr(layer, "activation", None)
    return f"{sorted(settings.items())} {getattr(activation, '__name__', '')}"


@functools.cache
def _arguments(kind: Any) -> set[str]:
    """Returns the names that are arguments of a class or its bases."""
    makers = [
        vars(base)["__init__"]
        for base in inspect.getmro(kind)
        if "__init__" in vars(base)
    ]
    names = {x for make in makers for x in inspect.signature(make).parameters}
    return names - set(_NOT_COMPARED)
