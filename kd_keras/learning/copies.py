"""Copies layers by their configurations or, if need be, otherwise."""

from collections.abc import Callable
from typing import Any

import keras

from kd_keras.learning.copy_attributes import copy_attributes
from kd_keras.learning.copy_graph import copy_graph, is_graph, keeps_class
from kd_keras.learning.from_configuration import (
    NotCopiedError,
    from_configuration,
    why_not_copied,
)
from kd_keras.learning.layer_states import check_alike
from kd_keras.learning.own_objects import is_own


class Copies:
    """Copies of layers, of each layer one.

    Args:
        classes: dict. The classes and functions of the layers by their
            registered names, as `classes_of` lists them.
        special: Function of a layer that returns another layer to be taken
            for its copy, or None.
    """

    def __init__(
        self,
        classes: dict[str, Any],
        special: Callable[[Any], Any] = lambda layer: None,
    ) -> None:
        self.classes, self.special = classes, special
        self.made: dict[int, Any] = {}

    def of(self, layer: Any) -> Any:
        """Returns the copy of a layer, by its configuration if that is enough.

        Raises:
            NotCopiedError: If no copy can be made.
        """
        if id(layer) not in self.made:
            found = self.special(layer)
            if found is None:
                found = self._whole(layer)
            self.made[id(layer)] = found
        return self.made[id(layer)]

    def _whole(self, layer: Any) -> Any:
        ways = (
            lambda: self._by_configuration(layer),
            lambda: self.by_parts(layer),
        )
        return first_of(*(ways[::-1] if parts_come_first(layer) else ways))

    def _by_configuration(self, layer: Any) -> Any:
        copy = from_configuration(layer, layer.get_config(), self.classes)
        check_alike(layer, copy)
        return copy

    def by_parts(self, layer: Any) -> Any:
        """Copies a graph layer by layer, or a layer attribute by attribute.

        Args, returns, raises: See `copy_graph` and `copy_attributes`.
        """
        if is_graph(layer):
            return copy_graph(layer, self.of)
        return copy_attributes(layer, self.of, self.made)


def parts_come_first(layer: Any) -> bool:
    """Tells whether a configuration is only the second best way to a copy.

    A layer in a graph may be held by others too. And what Keras makes up for an
    own class without `get_config` knows the arguments of `__init__`, not what
    was changed or drawn since.
    """
    if is_graph(layer):
        return keeps_class(layer)
    kind: Any = type(layer)
    defaults = (keras.Layer.get_config, keras.Model.get_config)
    return is_own(kind) and kind.get_config in defaults


def first_of(*ways: Callable[[], Any]) -> Any:
    """Returns what the first function returns that raises nothing.

    Raises:
        NotCopiedError: If all do. Says why each did.
    """
    reasons: list[str] = []
    for way in ways:
        try:
            return way()
        except Exception as error:  # of the user's own code too
            reasons.append(why_not_copied(error))
    raise NotCopiedError("; ".join(dict.fromkeys(reasons)))
