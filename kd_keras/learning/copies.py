"""Copies layers by their configurations or, if need be, otherwise."""

from collections.abc import Callable
from typing import Any

import keras
from keras.src.models.functional import Functional

from kd_keras.learning.copy_attributes import copy_attributes
from kd_keras.learning.copy_graph import copy_graph, keeps_class
from kd_keras.learning.from_configuration import (
    NotCopiedError,
    from_configuration,
)
from kd_keras.learning.layer_states import check_alike
from kd_keras.learning.own_objects import is_own
from kd_keras.utils.checks import reason_of


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
            NotCopiedError: See `by_attributes`.
        """
        if id(layer) not in self.made:
            found = self.special(layer)
            if found is None:
                found = self._whole(layer)
            self.made[id(layer)] = found
        return self.made[id(layer)]

    def _whole(self, layer: Any) -> Any:
        is_graph = isinstance(layer, (Functional, keras.Sequential))
        ways = (
            lambda: self._by_configuration(layer),
            lambda: (
                copy_graph(layer, self.of)
                if is_graph
                else self.by_attributes(layer)
            ),
        )
        # A layer in a graph may be held by others too. And what Keras makes up
        # knows the arguments of `__init__`, not what was drawn since.
        is_last = (
            keeps_class(layer) if is_graph else has_no_configuration(layer)
        )
        return first_of(*(ways[::-1] if is_last else ways))

    def _by_configuration(self, layer: Any) -> Any:
        copy = from_configuration(layer, layer.get_config(), self.classes)
        check_alike(layer, copy)
        return copy

    def by_attributes(self, layer: Any) -> Any:
        """Makes a layer that has copies of all attributes.

        Args, returns, raises: See `copy_attributes`.
        """
        return copy_attributes(layer, self.of, self.made)


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
            told = isinstance(error, NotCopiedError)
            reasons.append(str(error) if told else reason_of(error))
    raise NotCopiedError("; ".join(dict.fromkeys(reasons)))


def has_no_configuration(layer: Any) -> bool:
    """Tells whether a layer is of a user's own class without `get_config`."""
    kind: Any = type(layer)
    defaults = (keras.Layer.get_config, keras.Model.get_config)
    return is_own(kind) and kind.get_config in defaults
