"""Saves and loads layers that several layers hold."""

from typing import Any

import keras

# Keras has no public functions for what a load has made so far.
from keras.src.saving.serialization_lib import (
    get_shared_object,
    record_object_after_deserialization,
)

from kd_keras.layers.contexts import copied


def serialize_shared(layer: keras.layers.Layer) -> dict[str, Any]:
    """Serializes a layer that other layers may hold too.

    Keras marks an object that it meets twice, but not inside the configuration
    of a layer. Without the mark a saved model could not be loaded again.
    """
    config = keras.saving.serialize_keras_object(layer)
    return config | {"shared_object_id": id(layer)}


def deserialize_shared(config: dict[str, Any]) -> keras.layers.Layer:
    """Makes a layer of what `serialize_shared` returned, once in a copy."""
    shared = config.get("shared_object_id")
    layer = made_before(shared)
    if layer is None:
        # The layer that holds it builds it, so that its weights get their
        # paths, in which that layer's name comes first.
        unbuilt = {x: y for x, y in config.items() if x != "build_config"}
        layer = keras.saving.deserialize_keras_object(unbuilt)
        made_now(shared, layer)
    return layer


def made_before(shared: int | None) -> Any:
    """Returns the layer of this number, if this load or copy has made it."""
    made = copied.get()
    if shared is None:
        return None
    return get_shared_object(shared) if made is None else made.get(shared)


def made_now(shared: int | None, layer: keras.layers.Layer) -> None:
    """Tells the load or copy that is under way of a layer it has made."""
    if shared is None:
        return
    made = copied.get()
    if made is None:
        record_object_after_deserialization(layer, shared)
    else:
        made[shared] = layer
