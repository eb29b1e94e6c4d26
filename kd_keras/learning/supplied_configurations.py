"""Configurations for layers of keras-hub that Keras cannot make up."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kd_keras.learning.class_arguments import class_arguments

_PLAIN = (str, int, float, bool, type(None))


@contextmanager
def supplied_configurations(model: Any) -> Iterator[None]:
    """Gives layers of keras-hub that lack it a `get_config`, for the body.

    Keras makes one up for a class without `get_config`, but only if all
    arguments were numbers and words. In a loaded model some had a dtype
    policy. Here the layer's attributes tell the arguments. Classes of others
    are left alone: their attributes may not be what they were made with.

    Args:
        model: Keras model.
    """
    given = [
        (layer, config)
        for layer in model._flatten_layers()
        if (config := _configuration_of(layer)) is not None
    ]
    for layer, config in given:
        vars(layer)["get_config"] = lambda config=config: config
    try:
        yield
    finally:
        for layer, _ in given:
            del vars(layer)["get_config"]


def _configuration_of(layer: Any) -> dict[str, Any] | None:
    """Returns the missing configuration of a layer, if its attributes tell."""
    kind: Any = type(layer)
    is_of_hub = kind.__module__.split(".")[0] == "keras_hub"
    if not is_of_hub or kind.get_config is not keras.Layer.get_config:
        return None
    try:
        layer.get_config()
        return None
    except NotImplementedError:
        pass
    names = class_arguments(kind) - class_arguments(keras.Layer)
    settings = {x: y for x, y in vars(layer).items() if x in names}
    if names - settings.keys() or not all(
        isinstance(x, _PLAIN) for x in settings.values()
    ):
        return None
    return settings | {
        "name": layer.name,
        "trainable": layer.trainable,
        # A word, so that Keras can make up the configuration of the copy.
        "dtype": layer.dtype_policy.name,
    }
