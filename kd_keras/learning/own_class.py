"""Makes layers of a user's own classes from their configurations."""

import inspect
from typing import Any

import keras

from kd_keras.learning.global_policy import global_policy

# What Keras writes into the configuration of any layer.
_OF_ANY_LAYER = ("name", "trainable", "dtype")


class OwnClass:
    """Stands for a class of layers in a scope of custom objects.

    Keras writes the name, the policy and whether it is trainable into the
    configuration of each layer, also of one whose `__init__` does not take
    them, as in many tutorials, or does not pass them on:

        class Block(keras.layers.Layer):
            def __init__(self, units):
                super().__init__()

    Keras itself cannot make such a layer again.

    Args:
        kind: type. A class of layers or models.
    """

    def __init__(self, kind: type) -> None:
        self.kind: Any = kind
        parameters = inspect.signature(kind).parameters.values()
        takes_any = any(x.kind is x.VAR_KEYWORD for x in parameters)
        taken = _OF_ANY_LAYER if takes_any else {x.name for x in parameters}
        self.not_taken = [x for x in _OF_ANY_LAYER if x not in taken]

    def from_config(self, config: dict[str, Any]) -> Any:
        """Makes a layer; Keras calls this as it would the class's own."""
        taken = {x: y for x, y in config.items() if x not in self.not_taken}
        layer = self.kind.from_config(dict(taken))
        given = config.get("dtype") or keras.config.dtype_policy()
        policy = keras.dtype_policies.get(given)
        if policy.name != layer.dtype_policy.name:
            # It was the global policy when the layer was made, and so it is
            # that of the layers inside.
            with global_policy(policy):
                layer = self.kind.from_config(dict(taken))
        if "name" in config:
            layer.name = config["name"]
        if config.get("trainable") is False:
            layer.trainable = False
        return layer
