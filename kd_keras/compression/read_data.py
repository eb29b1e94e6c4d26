"""Reads the data that `compress` is given, and checks them on the model."""

from typing import Any

import keras

from kd_keras.compression.distil import has_loss
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.states import stateful_layers
from kd_keras.utils.errors import BadInputError


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
    if validation_data is None:
        return train.split()
    valid = ModelData("validation_data", validation_data, batch_size)
    valid.steps()  # tells if they may never end
    if train.has_targets != valid.has_targets:
        raise BadInputError(
            "`data` and `validation_data` must both have targets, or neither. "
            f"Received: {train.has_targets} and {valid.has_targets}"
        )
    return train, valid


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
        model.evaluate(x=x, y=y, sample_weight=weights, verbose=0, steps=1)
    except Exception as error:
        raise BadInputError(
            "`data` must be what the model takes, as `model.fit` gets it. "
            f"Received: {' '.join(str(error).split())[:300]}"
        ) from error


def example_of(model: Any, data: ModelData | None) -> Any:
    """Returns inputs of a model that does not say what it takes."""
    if data is None or getattr(model, "inputs", None):
        return None
    x, *_ = next(data.batches(1))
    return x
