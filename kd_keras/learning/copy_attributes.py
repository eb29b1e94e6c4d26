"""Copies layers and models whose configurations do not describe them."""

import inspect
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional

from kd_keras.layers.find_layers import coded_layers
from kd_keras.learning.from_configuration import (
    NotCopiedError,
    from_configuration,
)

# What `compile`, `fit` and TensorFlow's checkpoints add to a model.
_ADDED = {
    "optimizer", "history", "stop_training", "stop_evaluating",
    "stop_predicting", "train_function", "test_function", "predict_function",
}  # fmt: skip
_ADDED_BEGIN = ("_self_", "_compile", "_eval_epoch")
# Attributes of any layer that its `__init__` or `build` may have changed.
_CHANGED = (
    "activity_regularizer", "autocast", "_allow_non_tensor_positional_args",
    "_build_shapes_dict", "_convert_input_args", "_input_spec",
    "_supports_masking", "stateful", "supports_jit",
)  # fmt: skip
# Objects that hold no layers and do not change: two layers may share them.
_CONSTANT = (
    type(None), bool, int, float, complex, str, bytes, type, np.ndarray,
    np.generic, np.dtype, range, types.ModuleType, types.BuiltinFunctionType,
    keras.DTypePolicy, keras.Initializer, keras.InputSpec, keras.KerasTensor,
    keras.Loss, keras.Regularizer, keras.constraints.Constraint,
    keras.optimizers.schedules.LearningRateSchedule,
)  # fmt: skip


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
        """Returns the copy of a layer, by its configuration if it has one.

        Raises:
            NotCopiedError: See `by_attributes`.
        """
        if id(layer) not in self.made:
            self.made[id(layer)] = self.special(layer) or self._whole(layer)
        return self.made[id(layer)]

    def _whole(self, layer: Any) -> Any:
        is_graph = isinstance(layer, (Functional, keras.Sequential))
        why = None
        try:
            config = layer.get_config()
            copy = from_configuration(layer, config, self.classes)
            if is_graph or _kinds(layer) == _kinds(copy):
                return copy
        except Exception as error:
            if is_graph:
                raise
            why = error
        try:
            return self.by_attributes(layer)
        except NotCopiedError as other:
            raise NotCopiedError(
                f"{layer.name} has no `get_config` that describes it, and "
                f"{other}"
            ) from why

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
            NotCopiedError: If an attribute may hold layers in a way that is
                not known, or weights are no attributes.
        """
        return _Copier(layer, self.of).copy


def _kinds(layer: Any) -> list[type]:
    """Lists the classes of the layers inside that a copy must have too."""
    learners = {id(x.learner) for x in coded_layers(layer)}
    layers = layer._flatten_layers()
    return [type(x) for x in layers if id(x) not in learners]


class _Copier:
    """Copies the attributes of one layer."""

    def __init__(self, layer: Any, copied: Callable[[Any], Any]) -> None:
        self.layer, self.copied = layer, copied
        self.made: dict[int, Any] = {}
        kind: Any = type(layer)
        self.copy = kind.__new__(kind)
        is_model = isinstance(layer, keras.Model)
        base: Any = keras.Model if is_model else keras.Layer
        base.__init__(self.copy, name=layer.name, dtype=layer.dtype_policy)
        for name in _CHANGED:
            if name in vars(layer):
                setattr(self.copy, name, getattr(layer, name))
        known = vars(self.copy).keys() | _ADDED
        for name, value in list(vars(layer).items()):
            if name not in known and not name.startswith(_ADDED_BEGIN):
                setattr(self.copy, name, self._of(name, value))
        self._check_variables()
        self.copy.built = True

    def _of(self, name: str, value: Any) -> Any:
        """Returns the copy of an attribute, or of a part of one."""
        if isinstance(value, dict):
            items = value.items()
            return {key: self._of(name, x) for key, x in items}
        if isinstance(value, (list, tuple, set, frozenset)):
            parts = [self._of(name, x) for x in value]
            if hasattr(value, "_fields"):  # a named tuple
                return type(value)(*parts)
            kinds = (list, tuple, set, frozenset)
            kind = next(x for x in kinds if isinstance(value, x))
            return kind(parts)
        if id(value) not in self.made:
            self.made[id(value)] = self._single(name, value)
        return self.made[id(value)]

    def _single(self, name: str, value: Any) -> Any:
        if value is self.layer:
            return self.copy
        if isinstance(value, keras.Layer):
            return self.copied(value)
        if isinstance(value, keras.Variable):
            return keras.Variable(
                np.array(keras.ops.convert_to_numpy(value)),
                dtype=value.dtype,
                trainable=value.trainable,
                name=value.name,
            )
        if isinstance(value, keras.Metric):
            return type(value).from_config(value.get_config())
        if isinstance(value, keras.random.SeedGenerator):
            return self._generator(value)
        if inspect.ismethod(value) and value.__self__ is self.layer:
            return types.MethodType(value.__func__, self.copy)
        is_constant = isinstance(value, _CONSTANT) or _is_function(value)
        if not is_constant and not keras.ops.is_tensor(value):
            raise NotCopiedError(
                f"its attribute {name!r} of {self.layer.name}, a "
                f"{type(value).__name__}, may hold layers"
            )
        return value

    def _generator(self, value: Any) -> Any:
        generator = keras.random.SeedGenerator(0, name=value.name)
        generator.state.assign(keras.ops.convert_to_numpy(value.state))
        return generator

    def _check_variables(self) -> None:
        """Checks that the own weights are copies, in the same order."""
        for name in ("_trainable_variables", "_non_trainable_variables"):
            wanted = [self.made.get(id(x)) for x in getattr(self.layer, name)]
            found = getattr(self.copy, name)
            if [id(x) for x in wanted] != [id(x) for x in found]:
                raise NotCopiedError(
                    f"{self.layer.name}, a {type(self.layer).__name__}, has "
                    "weights of its own that are no attributes"
                )


def _is_function(value: Any) -> bool:
    """Tells whether it is a function that knows nothing of its layer."""
    return inspect.isfunction(value) and value.__closure__ is None
