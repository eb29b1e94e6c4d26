"""Trains a small model towards the large one.

References:
    Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network",
    2015. Wortsman et al., "Robust fine-tuning of zero-shot models", 2022:
    weights between those before and after a training.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kd_keras.compression.distilled_model import DistilledModel
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
# rises for so many steps, or for a fifth of them if these are fewer: a new Adam
# does not know yet how large gradients are, and its first steps can spoil a
# trained model. (Very short trainings have no steps to spare.) Then it falls
# along a cosine to a fiftieth. All epochs are trained, also after some without
# a better validation: the gain may come only when the rate has fallen.
LEARNING_RATE, LAST_RATE = 1e-3, 0.02
WARM_UP, WARM_UP_SHARE, LEAST_WARM_UP = 100, 0.2, 10
EPOCHS = 5  # at effort 1
# After the last epoch, weights that are so far from the first to the last.
BETWEEN = (0.25, 0.5, 0.75)
# So much worse than it looks is the calibrated loss before the training taken
# to be: the epoch of the original was often chosen by the same validation data.
HANDICAP = 0.05


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
    is_calibrated: bool = False,
    between: Sequence[float] = BETWEEN,
) -> list[float]:
    """Trains a small model, and leaves it with the best weights it had.

    Those are the weights before, after an epoch, or between the first and the
    last ones, by the validation's loss.

    Args:
        small: Keras model. It learns from targets if it has a loss.
        large: Keras model that the small one was made from. Its losses and
            its optimizer say how the small one is trained.
        data: `ModelData` to train on.
        validation: `ModelData` to choose the best weights by.
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
        is_calibrated: bool. Whether the best weights are those with the least
            `CalibratedLoss`, see `has_temperature`.
        between: list of float, 0 to 1. Shares of the way from the first to the
            last weights.

    Returns:
        list of float: the losses of the validation before, and after each
        epoch. Without targets they are distances from the teacher.
    """
    if teacher is None:
        teacher = large
    if share is None:
        share = TEACHERS_SHARE if teacher is large else BETTER_TEACHERS_SHARE
    has_targets = data.has_targets and has_loss(small)
    trained = DistilledModel(
        small,
        large,
        teacher,
        has_targets,
        share,
        judged_share,
        is_calibrated and has_targets,
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
    first = best = small.get_weights()
    kept = steps.read(name)
    if _is_of(kept, variables, small.weights):
        judged = [_Judged(*x) for x in kept["judged"].tolist()]
        assign(variables, kept)
        best = [kept[f"best{i}"] for i in range(len(small.weights))]
    else:
        start = _judge(trained, validation)
        if trained.calibrated is not None:
            start = _Judged(start.loss, (1 + HANDICAP) * start.score)
        judged = [start]

    def state() -> Arrays:
        return {
            "judged": np.array([dataclasses.astuple(x) for x in judged]),
            **arrays_of(variables),
            **arrays_of(best, "best"),
        }

    for epoch in range(len(judged), epochs + 1):
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
        found = _judge(trained, validation)
        on_epoch(epoch, found.loss)
        if found.score < min(x.score for x in judged):
            best = small.get_weights()
        judged.append(found)
        steps.write(name, state)
    least = min(x.score for x in judged)
    last = small.get_weights()
    for way in between if epochs else ():
        small.set_weights(_between(first, last, way))
        _constrain(small)  # as an optimizer does after each step
        found = _judge(trained, validation)
        if found.score < least:
            least, best = found.score, small.get_weights()
    small.set_weights(best)
    return [x.loss for x in judged]


@dataclasses.dataclass(frozen=True)
class _Judged:
    """How good weights are.

    Attributes:
        loss: float. The validation's loss.
        score: float. The least is the best: the loss, or the calibrated loss.
    """

    loss: float
    score: float


def _judge(trained: DistilledModel, validation: ModelData) -> _Judged:
    trained.reset_states()
    arguments = validation.fit_arguments()
    found = trained.evaluate(**arguments, verbose=0, return_dict=True)
    loss = _number(found["loss"])
    if trained.calibrated is None:
        return _Judged(loss, loss)
    return _Judged(loss, _number(found[trained.calibrated.name]))


def _number(found: Any) -> float:
    # What is no number is worse than any.
    return float(found) if np.isfinite(found) else math.inf


def _between(first: list[Any], last: list[Any], way: float) -> list[Any]:
    """Returns weights on the way; those that are no floats are the last."""
    return [
        # Of two infinities there is no difference.
        b
        if "float" not in str(b.dtype) or np.array_equal(a, b)
        else a + way * (b - a)
        for a, b in zip(first, last, strict=True)
    ]


def _constrain(model: Any) -> None:
    """Applies the constraints of weights, such as rows of length one."""
    for variable in model.trainable_variables:
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable))


def has_loss(model: Any) -> bool:
    """Tells whether a model was compiled with a loss of its outputs."""
    return bool(model.compiled) and getattr(model, "loss", None) is not None


def _is_of(kept: Arrays, variables: list[Any], weights: list[Any]) -> bool:
    """Tells whether what was kept can be of this training."""
    return (
        are_of(kept, variables)
        and are_of(kept, weights, "best")
        and "judged" in kept
        and kept["judged"].size > 0
    )


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
    rising = min(WARM_UP, int(WARM_UP_SHARE * steps))
    rising = rising if rising >= LEAST_WARM_UP else 0
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.0 if rising else rate,
            steps - rising,
            LAST_RATE,
            warmup_target=rate if rising else None,
            warmup_steps=rising,
        ),
        clipnorm=getattr(given, "clipnorm", None),
        global_clipnorm=getattr(given, "global_clipnorm", None),
    )
