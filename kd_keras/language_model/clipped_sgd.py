"""The optimizer of the language model."""

from collections.abc import Sequence
from typing import Any

import keras

from kd_keras.training.lazy_adam import LazyAdam
from kd_keras.training.sparse_gradients import ClipsSummedGradients


@keras.saving.register_keras_serializable(package="kd_keras")
class ClippedSGD(ClipsSummedGradients, keras.optimizers.SGD):
    """SGD for the language model, with lazy Adam for learned codes.

    The model is trained by SGD with the gradient clipped by its global norm,
    as in the TensorFlow tutorial; under a strategy, this is the gradient of
    the whole batch. Sparse gradients stay sparse, and their norm is that of
    the summed rows. The logits of `KDCodeLearner` layers have gradients of a
    different scale. They are excluded from the norm and trained by a separate
    `LazyAdam`, as in the later code of the paper's authors.

    Individual variables may have their own learning rates; their gradients are
    scaled before the norm is computed.

    Args:
        learning_rate: float or schedule. Learning rate of SGD.
        global_clipnorm: float or None. Largest norm of all gradients except
            the logits'.
        codes_learning_rate: float. Learning rate of the logits' `LazyAdam`.
        rates: dict or None. Maps paths of variables to their learning rates,
            as a fraction of `learning_rate`.
        name: str.
    """

    def __init__(
        self,
        learning_rate: Any = 1.0,
        global_clipnorm: float | None = None,
        codes_learning_rate: float = 0.01,
        rates: dict[str, float] | None = None,
        name: str = "clipped_sgd",
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            global_clipnorm=global_clipnorm,
            name=name,
        )
        self.rates = dict(rates or {})
        self.codes_optimizer = LazyAdam(codes_learning_rate, name="codes")

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:  # type: ignore[has-type]
            return
        super().build(variables)  # SGD has no memory to create for them
        self.codes_optimizer.build(_split(variables, variables)[0])

    @property
    def variables(self) -> list[Any]:
        return [*super().variables, *self.codes_optimizer.variables]

    def apply(
        self, grads: Sequence[Any], trainable_variables: Any = None
    ) -> None:
        if not self.built:
            self.build(trainable_variables)
        variables = self._trainable_variables
        logits, others = _split(variables, variables)
        logit_grads, other_grads = _split(variables, grads)
        rates = [self.rates.get(variable.path, 1.0) for variable in others]
        super().apply(
            [
                gradient if rate == 1.0 else gradient * rate
                for gradient, rate in zip(other_grads, rates, strict=True)
            ],
            others,
        )
        if logits:
            self.codes_optimizer.apply(logit_grads, logits)

    def get_config(self) -> dict[str, Any]:
        rate = self.codes_optimizer.learning_rate
        return {
            "learning_rate": super().get_config()["learning_rate"],
            "global_clipnorm": self.global_clipnorm,
            "codes_learning_rate": float(rate.numpy()),
            "rates": self.rates,
            "name": self.name,
        }


def _split(
    variables: Sequence[Any], values: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Splits values into those of learners' logits and the others."""
    parts: tuple[list[Any], list[Any]] = ([], [])
    for variable, value in zip(variables, values, strict=True):
        parts[0 if variable.name == "logits" else 1].append(value)
    return parts
