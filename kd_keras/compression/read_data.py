"""Reads the data that `compress` is given, and checks them on the model."""

from typing import Any

import keras
import numpy as np

from kd_keras.compression.data_values import of_each
from kd_keras.compression.distil import has_loss
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.states import stateful_layers, states_kept
from kd_keras.layers.find_layers import coded_layers
from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError, told_by


def read_data(
    model: Any, data: Any, validation_data: Any
) -> tuple[ModelData | None, ModelData | None]:
    """Reads the data; without validation data a part is held back."""
    if data is None:
        if validation_data is not None:
            raise BadInputError(
                "`validation_data` needs `data`. Received: data=None"
            )
        return None, None
    batch_size = _batch_size(model)
    train = ModelData("data", data, batch_size)
    _check_inputs("data", model, data)
    if validation_data is None:
        return train.split()
    valid = ModelData("validation_data", validation_data, batch_size)
    _check_inputs("validation_data", model, validation_data)
    valid.steps()  # tells if they may never end
    if train.has_targets != valid.has_targets:
        raise BadInputError(
            "`data` and `validation_data` must both have targets, or neither. "
            f"Received: {train.has_targets} and {valid.has_targets}"
        )
    return train, valid


def _check_inputs(name: str, model: Any, data: Any) -> None:
    """Checks that a list is not meant to be inputs and targets."""
    wanted = getattr(model, "inputs", None)
    if not isinstance(data, list) or not wanted:
        return
    arrays = len(keras.tree.flatten(data))
    if arrays != len(wanted):
        raise BadInputError(
            f"`{name}` as a list must have an array for each input; inputs and "
            f"targets are a tuple. Received: a list of {arrays} for "
            f"{len(wanted)} input{'s' if len(wanted) > 1 else ''}"
        )


def _batch_size(model: Any) -> int | None:
    """Returns the batch size that a model must be called with, if any."""
    inputs = getattr(model, "inputs", None) or ()
    if isinstance(model, keras.Sequential) and not stateful_layers(model):
        # It takes any; without an `Input`, its shape is that of its first call.
        return None
    return inputs[0].shape[0] if inputs else None


def check_targets(model: Any, data: ModelData | None) -> None:
    """Checks that the model can learn from data, on one batch."""
    if data is None:
        return
    if not (data.has_targets and has_loss(model)):
        outputs = getattr(model, "outputs", None)
        if outputs and not any("float" in str(x.dtype) for x in outputs):
            raise BadInputError(
                "`data` need targets, and the model a loss, if no output of "
                "the model is floats. Received: outputs of "
                + ", ".join(sorted({str(x.dtype) for x in outputs}))
            )
        return
    x, y, weights = next(data.batches(1))
    try:
        # By name: keras-hub's tasks have the arguments in another order.
        found = model.evaluate(
            x=x,
            y=y,
            sample_weight=weights,
            verbose=0,
            steps=1,
            return_dict=True,
        )
    except Exception as error:
        raise BadInputError(
            f"`{data.name}` must be what the model takes, as `model.fit` gets "
            f"it. Received: {told_by(error)}"
        ) from error
    if np.isnan(found.get("loss", 0.0)):
        raise BadInputError(
            "The model's loss must be a number. Received: nan on the first "
            f"rows of `{data.name}`"
        )


def check_training(model: Any, data: ModelData) -> None:
    """Checks that no code for training reads a table, on one batch.

    Other errors are let be: they may not arise in `fit`.

    Args:
        model: Keras model with other layers in the place of its tables.
        data: `ModelData`.

    Raises:
        ValueError: If it reads a weight that the other layers do not have.
    """
    x, y, weights = of_each(_as_in_fit, next(data.batches(1)))
    try:
        outputs = model(x, training=True)
        if data.has_targets and has_loss(model):
            model._compute_loss(x, y, outputs, weights, True)
    except Exception as error:
        told = told_by(error)
        kinds = {type(layer).__name__ for layer in coded_layers(model)}
        if isinstance(error, AttributeError) and any(x in told for x in kinds):
            raise ValueError(f"in training, {told}") from error


def _as_in_fit(values: Any) -> Any:
    """Returns values as tensors, floats in Keras' own kind, as `fit` does."""
    values = keras.ops.convert_to_tensor(values)
    is_float = "float" in keras.backend.standardize_dtype(values.dtype)
    return keras.ops.cast(values, keras.config.floatx()) if is_float else values


def check_teacher(model: Any, teacher: Any, data: ModelData | None) -> None:
    """Checks on one batch that a teacher computes what a model does.

    Args:
        model: Keras model.
        teacher: Keras model, or None for the model itself.
        data: `ModelData` or None.

    Raises:
        BadInputError: If it is no built model, there are no data to learn
            from, or its outputs have other shapes.
    """
    if teacher is None:
        return
    if not isinstance(teacher, keras.Model) or not teacher.built:
        raise BadInputError(
            "`teacher` must be a built Keras model. Received: "
            f"{short_repr(teacher)}"
        )
    if data is None:
        raise BadInputError(
            "`teacher` needs `data`, on which the small model learns from it. "
            "Received: data=None"
        )
    x, *_ = next(data.batches(1))
    with states_kept(teacher):
        try:
            taught = teacher(x, training=False)
        except Exception as error:
            raise BadInputError(
                "`teacher` must take the inputs of the model. Received: "
                f"{told_by(error)}"
            ) from error
    found, wanted = (_told(outputs) for outputs in (taught, model(x)))
    if found != wanted:
        raise BadInputError(
            f"`teacher` must have the outputs of the model, of shape {wanted} "
            f"for each example. Received: {found}"
        )


def _told(outputs: Any) -> str:
    """Tells the shapes of outputs, without the batch, and how they are held."""
    shapes = keras.tree.map_structure(lambda x: tuple(x.shape[1:]), outputs)
    return str(shapes)


def example_of(model: Any, data: ModelData | None) -> Any:
    """Returns inputs of a model that does not say what it takes."""
    if data is None or getattr(model, "inputs", None):
        return None
    x, *_ = next(data.batches(1))
    return x
