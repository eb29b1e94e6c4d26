"""Copies layers and models whose configurations do not describe them."""

import inspect
import types
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional

# Keras refuses to load a Python lambda, also one that is here already.
from keras.src.saving.serialization_lib import SafeModeScope

from kd_keras.layers.find_layers import coded_layers
from kd_keras.learning.copy_graph import copy_graph, keeps_class
from kd_keras.learning.from_configuration import (
    NotCopiedError,
    from_configuration,
)
from kd_keras.learning.holds_state import holds_state
from kd_keras.learning.own_objects import is_own
from kd_keras.utils.checks import reason_of

# What `compile`, `fit` and TensorFlow's checkpoints add to a model.
_ADDED = {
    "optimizer", "stop_training", "stop_evaluating", "stop_predicting",
    "train_function", "test_function", "predict_function",
}  # fmt: skip
_ADDED_BEGIN = ("_self_", "_compile", "_eval_epoch")
# Attributes of any layer that its `__init__` or `build` may have changed.
_CHANGED = (
    "activity_regularizer", "autocast", "_allow_non_tensor_positional_args",
    "_build_shapes_dict", "_convert_input_args", "_input_spec",
    "_supports_masking", "stateful", "supports_jit",
)  # fmt: skip
# Loading merges LoRA weights into others.
_NOT_COMPARED = (
    "name",
    "built",
    "stateful",
    "lora_enabled",
    "lora_rank",
    "lora_alpha",
)
_WEIGHTS = ("_trainable_variables", "_non_trainable_variables")


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
        """Makes a layer of the same class that has copies of all attributes.

        Neither `__init__` nor `build` of the class is called, whose arguments
        are not known.

        Args:
            layer: Keras layer or model, built, not functional. It is not
                changed.

        Returns:
            A layer, or a model that is not compiled. The values of its own
            weights are those of `layer`.

        Raises:
            NotCopiedError: If an attribute may hold layers or weights in a way
                that is not known.
        """
        return _Copier(layer, self).copy


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
    if isinstance(layer, (Functional, keras.Sequential)):
        return (layer.built,)
    return layer.built, layer.dtype_policy.name, _settings(layer)


def _settings(layer: Any) -> str:
    """Tells the settings of a layer of Keras, as of one that another makes.

    The `get_config` of a user's own layer may leave out some of what the layers
    inside were made with.
    """
    of_keras = type(layer).__module__.split(".")[0] == "keras"
    if not of_keras or isinstance(layer, keras.layers.Embedding):
        return ""  # its initializer may have all numbers of the table
    settings = {
        name: value
        for name, value in vars(layer).items()
        if name[0] != "_"
        and name not in _NOT_COMPARED
        and isinstance(value, (bool, int, float, str, tuple))
    }
    activation = getattr(layer, "activation", None)
    return f"{sorted(settings.items())} {getattr(activation, '__name__', '')}"


class _Copier:
    """Copies the attributes of one layer."""

    def __init__(self, layer: Any, copies: Copies) -> None:
        self.layer, self.copies = layer, copies
        self.made: dict[int, Any] = {}
        kind: Any = type(layer)
        self.copy = copy = kind.__new__(kind)
        copies.made[id(layer)] = copy  # a part of it may refer to it
        try:
            self._fill()
        except Exception:
            del copies.made[id(layer)]
            raise

    def _fill(self) -> None:
        layer, copy = self.layer, self.copy
        is_model = isinstance(layer, keras.Model)
        base: Any = keras.Model if is_model else keras.Layer
        base.__init__(copy, name=layer.name, dtype=layer.dtype_policy)
        for name in _CHANGED:
            if name in vars(layer):
                setattr(copy, name, getattr(layer, name))
        known = vars(copy).keys() | _ADDED
        for name, value in list(vars(layer).items()):
            is_added = name in known or name.startswith(_ADDED_BEGIN)
            if not is_added and not isinstance(value, keras.callbacks.History):
                setattr(copy, name, self._of(name, value))
        # In the order in which the layer got them, which decides how weights
        # are paired.
        for name in ("_layers", *_WEIGHTS):
            values = getattr(layer, name)
            getattr(copy, name)[:] = [self._of("add_weight", x) for x in values]
        for name in _WEIGHTS:
            for value in getattr(layer, name):
                self.made[id(value)].trainable = value.trainable
        copy.built = layer.built

    def _of(self, name: str, value: Any) -> Any:
        """Returns the copy of an attribute, or of a part of one."""
        if isinstance(value, dict):
            items = value.items()
            return {self._key(name, x): self._of(name, y) for x, y in items}
        if isinstance(value, (list, tuple, set, frozenset)):
            parts = [self._of(name, x) for x in value]
            if hasattr(value, "_fields"):  # a named tuple
                return type(value)(*parts)
            kinds = (list, tuple, set, frozenset)
            kind = next(x for x in kinds if isinstance(value, x))
            return kind(parts)
        # Metrics and generators may be held by several layers.
        shared = isinstance(value, (keras.Metric, keras.random.SeedGenerator))
        made = self.copies.made if shared else self.made
        if id(value) not in made:
            made[id(value)] = self._single(name, value)
        return made[id(value)]

    def _key(self, name: str, key: Any) -> Any:
        return self._of(name, key) if isinstance(key, keras.Layer) else key

    def _single(self, name: str, value: Any) -> Any:
        if isinstance(value, keras.Layer):
            return self.copies.of(value)
        if isinstance(value, keras.Variable):
            return _variable(value)
        if isinstance(value, keras.Metric):
            return self._metric(value)
        if isinstance(value, keras.random.SeedGenerator):
            generator = keras.random.SeedGenerator(0, name=value.name)
            generator.state.assign(keras.ops.convert_to_numpy(value.state))
            return generator
        if inspect.ismethod(value) and isinstance(value.__self__, keras.Layer):
            owner = self.copies.of(value.__self__)
            return types.MethodType(value.__func__, owner)
        if isinstance(value, np.ndarray) and value.dtype != object:
            return value.copy()
        if holds_state(value):
            raise NotCopiedError(
                f"its attribute {name!r} of {self.layer.name}, a "
                f"{type(value).__name__}, may hold layers or weights"
            )
        return value

    def _metric(self, value: Any) -> Any:
        kind: Any = type(value)
        with SafeModeScope(False), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lambdas
            metric = kind.from_config(value.get_config())
        for given, mine in zip(value.variables, metric.variables, strict=False):
            if given.shape == mine.shape:
                mine.assign(keras.ops.convert_to_numpy(given))
        return metric


def _variable(value: Any) -> Any:
    """Copies a weight."""
    copy = keras.Variable(
        np.array(keras.ops.convert_to_numpy(value)),
        dtype=value.dtype,
        autocast=value._autocast,
        aggregation=value.aggregation,
        name=value.name,
    )
    for name in ("regularizer", "constraint", "overwrite_with_gradient"):
        setattr(copy, name, getattr(value, name))
    copy._path = value.path
    return copy
