"""The loss of a classifier whose outputs are as sure as they should be.

A classifier that goes on learning grows surer of its answers. Its loss rises
then, though no answer changes: that alone says nothing about the model.

References:
    Ashukha et al., "Pitfalls of in-domain uncertainty estimation and ensembling
    in deep learning", 2020: losses are compared at the best temperature of
    each model.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import ops
from keras.src.backend import get_keras_mask, set_keras_mask

from kd_keras.compression.distances import Distance, distances_for

TEMPERATURES = tuple(2 ** (i / 2) for i in range(-2, 7))  # 0.5 to 8
# Of an output. A softmax over words takes long, and its loss is what counts.
MOST_CLASSES = 1000


class CalibratedLoss(keras.metrics.Metric):
    """The mean loss at the temperature at which it is least.

    The least value is that of a parabola through the three losses around the
    least one.
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
            losses: list of scalars, one for each of `TEMPERATURES`.
            rows: int. Number of rows of the batch.
        """
        rows = ops.cast(rows, "float32")
        losses = ops.stack([ops.cast(x, "float32") for x in losses])
        self.sums.assign_add(losses * rows)
        self.rows.assign_add(rows)

    def result(self) -> Any:
        means = self.sums / ops.maximum(self.rows, 1.0)
        i = ops.clip(ops.argmin(means), 1, len(TEMPERATURES) - 2)
        before, at, after = (ops.take(means, i + j) for j in (-1, 0, 1))
        bend = before - 2 * at + after
        gain = ops.square(after - before) / (8 * ops.maximum(bend, 1e-7))
        return ops.minimum(ops.min(means), at - ops.where(bend > 0, gain, 0.0))


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
    temper = _temper_of(output, kind)
    if temper is None:
        return output
    made = temper(output, T)
    mask = get_keras_mask(output)
    if mask is not None:
        set_keras_mask(made, mask)
    return made


def _temper_of(
    output: Any, kind: Distance | None
) -> Callable[[Any, float], Any] | None:
    is_narrow = len(output.shape) < 2 or output.shape[-1] <= MOST_CLASSES
    return kind.tempered if kind is not None and is_narrow else None


def is_scored(model: Any, x: Any) -> bool:
    """Tells whether a model has classes and a metric that should be high.

    What such metrics measure, as accuracy does, does not depend on how sure a
    model is. A model's own `compute_loss` may do more than compute a loss: with
    it, there is no other loss than what it gives.

    Args:
        model: Keras model that is compiled and has been evaluated, since Keras
            makes the metrics then.
        x: Inputs of a batch.
    """
    if type(model).compute_loss is not keras.Model.compute_loss:
        return False
    # As Keras' own `EarlyStopping` finds out.
    if not any(
        getattr(metric, "_direction", None) == "up"
        for held in model.metrics
        for metric in getattr(held, "metrics", [held])
    ):
        return False
    outputs = keras.tree.flatten(model(x, training=False))
    kinds = distances_for(model, outputs)
    return any(x is not None for x in map(_temper_of, outputs, kinds))
