"""Compares the layers of a model with those of a copy."""

from typing import Any

import keras

from kd_keras.layers.find_layers import coded_layers
from kd_keras.learning.class_arguments import class_arguments
from kd_keras.learning.copy_graph import is_graph
from kd_keras.learning.from_configuration import NotCopiedError

# Loading merges LoRA weights into others.
_NOT_COMPARED = {"name", "stateful", "lora_rank", "lora_alpha"}


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
    inside were made with. Other attributes than arguments do not count: loading
    sets some that a layer from a configuration lacks.
    """
    of_keras = type(layer).__module__.split(".")[0] == "keras"
    if not of_keras or isinstance(layer, keras.layers.Embedding):
        return ""  # its initializer may have all numbers of the table
    kind: Any = type(layer)
    arguments = class_arguments(kind) - _NOT_COMPARED
    settings = {
        name: value
        for name, value in vars(layer).items()
        if name in arguments
        and isinstance(value, (bool, int, float, str, tuple))
    }
    activation = getattr(layer, "activation", None)
    return f"{sorted(settings.items())} {getattr(activation, '__name__', '')}"
