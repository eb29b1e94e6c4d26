"""A small model with the loss that it is trained with."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kd_keras.compression.calibrated_loss import CalibratedLoss, tempered
from kd_keras.compression.distances import (
    distances_for,
    mean_distance,
    places_of,
    weights_of_places,
)
from kd_keras.compression.states import reset_states


class DistilledModel(keras.Model):
    """Trains a model with targets, with another model's outputs, or both.

    Args:
        small: Keras model that is trained.
        large: Keras model that the small one was made from. It says what the
            outputs are.
        teacher: Keras model that computes what the small one should.
        has_targets: bool. Whether the data have targets and `small` a loss.
        share: float, 0 to 1. That of the teacher's outputs in the loss that is
            trained.
        judged_share: float, 0 to 1. The same of the validation's loss.
        is_calibrated: bool. Whether `evaluate` computes a `CalibratedLoss` too.
    """

    def __init__(
        self,
        small: Any,
        large: Any,
        teacher: Any,
        has_targets: bool,
        share: float,
        judged_share: float,
        is_calibrated: bool,
    ) -> None:
        super().__init__(name="distilled")
        # Inputs reach the models as they are: rounded ids are other ids.
        self.autocast = self._convert_input_args = False
        self.small = small
        self.has_targets = has_targets
        self.share, self.judged_share = share, judged_share
        self.calibrated = CalibratedLoss() if is_calibrated else None
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
            if self.calibrated is not None and not training:
                kinds = self._distances(keras.tree.flatten(y_pred))
                # What regularizers add says nothing about the data.
                added = sum(ops.sum(x) for x in self.small.losses)
                losses = [
                    self.small._compute_loss(x, y, y_at, sample_weight, False)
                    - added
                    for y_at in tempered(y_pred, kinds)
                ]
                rows = ops.shape(keras.tree.flatten(y_pred)[0])[0]
                self.calibrated.update_state(losses, rows)
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
