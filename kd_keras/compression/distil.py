"""Trains a small model towards the large one.

References:
    Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network",
    2015.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kd_keras.compression.model_data import ModelData

# Share of the large model's outputs in the loss; the targets have the rest.
TEACHERS_SHARE = 0.5
# Adam's learning rate, unless the model was trained by Adam with another. It
# falls along a cosine to a fiftieth.
LEARNING_RATE, LAST_RATE = 1e-3, 0.02
EPOCHS = 5  # at effort 1
PATIENCE = 2  # epochs without a better validation
_EPSILON = 1e-7


class _Distilled(keras.Model):
    """Trains a model with targets, with another model's outputs, or both."""

    def __init__(self, small: Any, teacher: Any, has_targets: bool) -> None:
        super().__init__(name="distilled")
        self.small = small
        self.has_targets = has_targets
        # In functions, or Keras would take the teacher for a layer.
        self._teach: Callable[[Any], Any] = lambda x: teacher(x, training=False)
        self._distances = distances_of(teacher)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.small(inputs, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        taught = keras.tree.flatten(
            keras.tree.map_structure(ops.stop_gradient, self._teach(x))
        )
        given = keras.tree.flatten(y_pred)
        distance = sum(
            distance(a, b)
            for distance, a, b in zip(
                self._distances, taught, given, strict=True
            )
        )
        if not self.has_targets:
            return distance + sum(self.small.losses)
        loss = self.small.compute_loss(x, y, y_pred, sample_weight, training)
        return (1 - TEACHERS_SHARE) * loss + TEACHERS_SHARE * distance


def distil(
    small: Any,
    teacher: Any,
    data: ModelData,
    validation: ModelData,
    epochs: int,
    verbose: int = 0,
    on_epoch: Callable[[int, float], object] = lambda epoch, loss: None,
) -> list[float]:
    """Trains a small model, and leaves it with the weights of the best epoch.

    Args:
        small: Keras model. It is compiled if there are targets.
        teacher: Keras model that computes what the small one should.
        data: `ModelData` to train on.
        validation: `ModelData` to choose the best epoch by.
        epochs: int. The most epochs.
        verbose: int. See `keras.Model.fit`.
        on_epoch: Function of the number of epochs done and the validation's
            loss.

    Returns:
        list of float: the losses of the validation before, and after each
        epoch. The loss is that of the targets if there are any.
    """
    has_targets = data.has_targets and bool(small.compiled)
    trained = _Distilled(small, teacher, has_targets)
    steps = data.steps()
    trained.compile(_optimizer(teacher, max(1, epochs * steps)))
    losses = [loss_of(small, teacher, validation, has_targets)]
    best = losses[0], small.get_weights()
    for epoch in range(1, epochs + 1):
        trained.fit(**data.fit_arguments(), epochs=1, verbose=verbose)
        losses.append(loss_of(small, teacher, validation, has_targets))
        on_epoch(epoch, losses[-1])
        if losses[-1] < best[0]:
            best = losses[-1], small.get_weights()
        elif losses.index(min(losses)) <= epoch - PATIENCE:
            break
    small.set_weights(best[1])
    return losses


def loss_of(
    small: Any, teacher: Any, validation: ModelData, has_targets: bool
) -> float:
    """Measures a model by its own loss, or by the distance from the teacher.

    Args:
        small, teacher: Keras models.
        validation: `ModelData`.
        has_targets: bool. Whether to use the targets.

    Returns:
        float.
    """
    arguments = validation.fit_arguments()
    if has_targets:
        found = small.evaluate(**arguments, verbose=0, return_dict=True)
        return float(found["loss"])
    measured = _Distilled(small, teacher, False)
    measured.compile()
    found = measured.evaluate(**arguments, verbose=0, return_dict=True)
    return float(found["loss"])


def _optimizer(teacher: Any, steps: int) -> Any:
    """Makes an Adam with the learning rate the model was trained with."""
    given = getattr(teacher, "optimizer", None)
    rate = LEARNING_RATE
    if isinstance(given, keras.optimizers.Adam):
        config = given.get_config()["learning_rate"]
        rate = config if isinstance(config, float) else rate
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(rate, steps, LAST_RATE),
        clipnorm=getattr(given, "clipnorm", None),
        global_clipnorm=getattr(given, "global_clipnorm", None),
    )


def distances_of(model: Any) -> list[Callable[[Any, Any], Any]]:
    """Chooses a distance for each output of a model.

    Probabilities are compared by their divergence, other numbers by their
    squared difference.

    Args:
        model: Keras model.

    Returns:
        list of functions of the outputs of the teacher and of the pupil.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return [_of_loss(model, None)]
    return [_of_loss(model, tensor) for tensor in outputs]


def _of_loss(model: Any, tensor: Any) -> Callable[[Any, Any], Any]:
    activation = None
    if tensor is not None:
        last = tensor._keras_history.operation
        function = getattr(last, "activation", None)
        activation = getattr(function, "__name__", None)
        if isinstance(last, keras.layers.Softmax):
            activation = "softmax"
    loss = getattr(model, "loss", None)
    of_logits = bool(getattr(loss, "from_logits", False))
    name = loss if isinstance(loss, str) else type(loss).__name__
    name = name.replace("_", "").lower()
    if activation == "softmax" or "categoricalcrossentropy" in name:
        return lambda a, b: _divergence(a, b, of_logits)
    if activation == "sigmoid" or "binarycrossentropy" in name:
        return lambda a, b: _binary(a, b, of_logits)
    return lambda a, b: ops.mean(ops.square(a - b))


def _divergence(taught: Any, given: Any, of_logits: bool) -> Any:
    if of_logits:
        a, b = ops.log_softmax(taught), ops.log_softmax(given)
    else:
        a, b = ops.log(taught + _EPSILON), ops.log(given + _EPSILON)
    return ops.mean(ops.sum(ops.exp(a) * (a - b), axis=-1))


def _binary(taught: Any, given: Any, of_logits: bool) -> Any:
    if of_logits:
        taught, given = ops.sigmoid(taught), ops.sigmoid(given)
    both = (taught, given), (1 - taught, 1 - given)
    return ops.mean(
        sum(
            a * (ops.log(a + _EPSILON) - ops.log(b + _EPSILON)) for a, b in both
        )
    )
