"""Trains a small model towards the large one.

References:
    Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network",
    2015.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kd_keras.compression.distances import (
    distances_for,
    mean_distance,
    places_of,
    weights_of_places,
)
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.states import reset_states
from kd_keras.compression.steps import (
    NOTHING_KEPT,
    Arrays,
    Steps,
    are_of,
    arrays_of,
    assign,
)

# Share of the large model's outputs in the loss that is trained; the targets
# have the rest: a model that goes on learning may soon know better than the one
# it comes from. (On two tasks, half of it was no better.)
TEACHERS_SHARE = 0.2
# That of a teacher which is not the large model: it should be a better one.
BETTER_TEACHERS_SHARE = 0.9
# Adam's learning rate, unless the model was trained by Adam with another. It
# falls along a cosine to a fiftieth. All epochs are trained, also after some
# without a better validation: the gain may come only when the rate has fallen.
LEARNING_RATE, LAST_RATE = 1e-3, 0.02
EPOCHS = 5  # at effort 1


class _Distilled(keras.Model):
    """Trains a model with targets, with another model's outputs, or both."""

    def __init__(
        self,
        small: Any,
        large: Any,
        teacher: Any,
        has_targets: bool,
        share: float,
        judged_share: float,
    ) -> None:
        super().__init__(name="distilled")
        # Inputs reach the models as they are: rounded ids are other ids.
        self.autocast = self._convert_input_args = False
        self.small = small
        self.has_targets = has_targets
        self.share, self.judged_share = share, judged_share
        # In functions, or Keras would take the teacher for a layer.
        self._teach: Callable[[Any], Any] = lambda x: teacher(x, training=False)
        self._distances = lambda found: distances_for(large, found)
        self._reset_teacher = lambda: reset_states(teacher)

    def reset_states(self) -> None:
        """Lets both models read a text from its beginning."""
        reset_states(self.small)
        self._reset_teacher()

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
        if self.has_targets:
            # What `fit` calls: `compute_loss` of a user may lack `training`.
            loss = self.small._compute_loss(
                x, y, y_pred, sample_weight, training
            )
            share = self.share if training else self.judged_share
            if not share:
                return loss
        taught = places_of(
            keras.tree.map_structure(ops.stop_gradient, self._teach(x))
        )
        given = places_of(y_pred)
        distance = sum(
            mean_distance(kind.between(a, b), weights)
            for kind, a, b, weights in zip(
                self._distances(taught),
                taught,
                given,
                weights_of_places(given, sample_weight),
                strict=True,
            )
            if kind is not None
        )
        if not self.has_targets:
            return distance + sum(self.small.losses)
        return (1 - share) * loss + share * distance


def distil(
    small: Any,
    large: Any,
    data: ModelData,
    validation: ModelData,
    epochs: int,
    seed: int = 0,
    teacher: Any = None,
    verbose: int = 0,
    on_epoch: Callable[[int, float], object] = lambda epoch, loss: None,
    steps: Steps = NOTHING_KEPT,
    name: str = "training",
    share: float | None = None,
    judged_share: float = 0.0,
) -> list[float]:
    """Trains a small model, and leaves it with the weights of the best epoch.

    Args:
        small: Keras model. It learns from targets if it has a loss.
        large: Keras model that the small one was made from. Its losses and
            its optimizer say how the small one is trained.
        data: `ModelData` to train on.
        validation: `ModelData` to choose the best epoch by.
        epochs: int.
        seed: int. The global random seeds are set by it.
        teacher: Keras model that computes what the small one should; None for
            the large one.
        verbose: int. See `keras.Model.fit`.
        on_epoch: Function of the number of epochs done and the validation's
            loss.
        steps: `Steps`. Keeps what each epoch gave.
        name: str. The name of this step.
        share: float, 0 to 1, or None for the usual. That of the teacher's
            outputs in the loss that is trained, if there are targets too.
        judged_share: float, 0 to 1. The same of the validation's loss.

    Returns:
        list of float: the losses of the validation before, and after each
        epoch. Without targets they are distances from the teacher.
    """
    if teacher is None:
        teacher = large
    if share is None:
        share = TEACHERS_SHARE if teacher is large else BETTER_TEACHERS_SHARE
    has_targets = data.has_targets and has_loss(small)
    trained = _Distilled(
        small,
        large,
        teacher,
        has_targets,
        share,
        judged_share,
    )
    optimizer = _optimizer(large, max(1, epochs * data.steps()))
    # Layers of the user's own may need what the model was compiled with.
    trained.compile(
        optimizer,
        run_eagerly=large.run_eagerly,
        jit_compile="auto" if large.jit_compile else False,
    )
    optimizer = trained.optimizer  # in float16 one that scales the loss
    keras.utils.set_random_seed(seed)
    optimizer.build(trained.trainable_variables)
    variables = [*small.variables, *optimizer.variables]
    kept = steps.read(name)
    if _is_of(kept, variables, small.weights):
        losses = kept["losses"].tolist()
        assign(variables, kept)
        best = [kept[f"best{i}"] for i in range(len(small.weights))]
    else:
        losses = [_loss_of(trained, validation)]
        best = small.get_weights()

    def state() -> Arrays:
        return {
            "losses": np.array(losses),
            **arrays_of(variables),
            **arrays_of(best, "best"),
        }

    for epoch in range(len(losses), epochs + 1):
        # Each epoch has a seed, so that what follows a kept one is the same.
        keras.utils.set_random_seed((seed + epoch) % 2**32)
        trained.reset_states()
        trained.fit(
            **data.fit_arguments(),
            epochs=1,
            verbose=verbose,
            # Not the rows of a text that a model reads batch by batch.
            shuffle=data.is_arrays and data.batch_size is None,
        )
        losses.append(_loss_of(trained, validation))
        on_epoch(epoch, losses[-1])
        if losses[-1] < min(losses[:-1]):
            best = small.get_weights()
        steps.write(name, state)
    small.set_weights(best)
    return losses


def has_loss(model: Any) -> bool:
    """Tells whether a model was compiled with a loss of its outputs."""
    return bool(model.compiled) and getattr(model, "loss", None) is not None


def _is_of(kept: Arrays, variables: list[Any], weights: list[Any]) -> bool:
    """Tells whether what was kept can be of this training."""
    return (
        are_of(kept, variables)
        and are_of(kept, weights, "best")
        and kept["losses"].size > 0
    )


def _loss_of(trained: _Distilled, validation: ModelData) -> float:
    trained.reset_states()
    arguments = validation.fit_arguments()
    found = trained.evaluate(**arguments, verbose=0, return_dict=True)["loss"]
    # What is no number is worse than any.
    return float(found) if np.isfinite(found) else math.inf


def measure(model: Any, validation: ModelData) -> dict[str, float]:
    """Measures a model on data, by its own loss and metrics.

    Args:
        model: Keras model.
        validation: `ModelData`.

    Returns:
        dict of float; empty if the model has no loss or the data have no
        targets.
    """
    if not (validation.has_targets and has_loss(model)):
        return {}
    reset_states(model)
    arguments = validation.fit_arguments()
    found = model.evaluate(**arguments, verbose=0, return_dict=True)
    # Metrics that are several numbers are left out.
    return {
        name: float(value)
        for name, value in found.items()
        if np.size(value) == 1
    }


def _optimizer(large: Any, steps: int) -> Any:
    """Makes an Adam with the learning rate the model was trained with."""
    given = getattr(large, "optimizer", None)
    given = getattr(given, "inner_optimizer", given)  # that scales the loss
    rate = LEARNING_RATE
    if isinstance(given, keras.optimizers.Adam):
        config = given.get_config()["learning_rate"]
        rate = config if isinstance(config, float) else rate
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(rate, steps, LAST_RATE),
        clipnorm=getattr(given, "clipnorm", None),
        global_clipnorm=getattr(given, "global_clipnorm", None),
    )
