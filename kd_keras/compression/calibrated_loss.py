"""The loss of a classifier whose outputs are as sure as they should be.

A classifier that goes on learning grows surer of its answers. Its loss may rise
then, even if no answer changes.

References:
    Ashukha et al., "Pitfalls of in-domain uncertainty estimation and ensembling
    in deep learning", 2020: losses are compared at the best temperature of
    each model.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops
from keras.src.backend import get_keras_mask, set_keras_mask

from kd_keras.compression.distances import (
    Distance,
    distances_for,
    is_cross_entropy,
)
from kd_keras.compression.model_data import ModelData

TEMPERATURES = tuple(2 ** (i / 2) for i in range(-2, 7))  # 0.5 to 8
# Of an output, for each example. With more, as for words, the losses at all
# temperatures take long and much memory.
MOST_VALUES = 2000


class CalibratedLoss(keras.metrics.Metric):
    """The mean loss at the temperature at which it is least.

    Between two temperatures, it is the least value of a parabola through the
    three losses around the least one.
    """

    def __init__(self) -> None:
        super().__init__(name="calibrated_loss", dtype="float32")
        self.sums = self.add_variable(
            (len(TEMPERATURES),), "zeros", name="sums"
        )
        self.rows = self.add_variable((), "zeros", name="rows")

    def update_state(self, losses: Sequence[Any], rows: Any) -> None:
        """Adds the losses of a batch.

        Args:
            losses: list of tensors, one for each of `TEMPERATURES`.
            rows: int. Number of rows of the batch.
        """
        rows = ops.cast(rows, "float32")
        # A loss without a reduction is one for each row.
        losses = ops.stack([ops.mean(ops.cast(x, "float32")) for x in losses])
        self.sums.assign_add(losses * rows)
        self.rows.assign_add(rows)

    def result(self) -> Any:
        means = self.sums / ops.maximum(self.rows, 1.0)
        least = ops.argmin(means)
        last = len(TEMPERATURES) - 1
        i = ops.clip(least, 1, last - 1)
        before, at, after = (ops.take(means, i + j) for j in (-1, 0, 1))
        bend = ops.maximum(before - 2 * at + after, 1e-7)
        below = at - ops.square(after - before) / (8 * bend)
        # At either end there is no parabola around the least loss.
        return ops.where(ops.equal(least, i), below, ops.min(means))


def tempered(outputs: Any, kinds: Sequence[Distance | None]) -> Iterator[Any]:
    """Yields a model's outputs at each of `TEMPERATURES`.

    Args:
        outputs: Structure of tensors.
        kinds: list of `Distance` or None, one for each output.
    """
    flat = keras.tree.flatten(outputs)
    for T in TEMPERATURES:
        made = [_at(x, kind, T) for x, kind in zip(flat, kinds, strict=True)]
        yield keras.tree.pack_sequence_as(outputs, made)


def _at(output: Any, kind: Distance | None, T: float) -> Any:
    if kind is None or kind.tempered is None:
        return output
    made = kind.tempered(output, T)
    mask = get_keras_mask(output)
    if mask is not None:
        set_keras_mask(made, mask)
    return made


def has_temperature(model: Any, data: ModelData) -> bool:
    """Tells whether weights of a model are compared by `CalibratedLoss`.

    The model has one output, of classes, whose loss is a cross entropy of
    Keras, and a metric that should be high. What such metrics measure, as
    accuracy does, does not depend on how sure the model is. A model's own
    `compute_loss` may do more than compute a loss, so it is left alone.

    Args:
        model: Keras model that is compiled and has been evaluated, since Keras
            makes the metrics then.
        data: `ModelData` of the model.
    """
    losses = keras.tree.flatten(getattr(model, "loss", None))
    if (
        type(model).compute_loss is not keras.Model.compute_loss
        or len(losses) != 1
        or not is_cross_entropy(losses[0])
        or not any(
            getattr(metric, "_direction", None) == "up"
            for held in model.metrics
            for metric in getattr(held, "metrics", [held])
        )
    ):
        return False
    [(x, _, _)] = data.batches(1)
    outputs = keras.tree.flatten(model(x, training=False))
    [kind, *others] = distances_for(model, outputs)
    return (
        not others
        and kind is not None
        and kind.tempered is not None
        and math.prod(outputs[0].shape[1:]) <= MOST_VALUES
    )
