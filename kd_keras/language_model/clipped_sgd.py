import keras

from kd_keras.training.lazy_adam import LazyAdam
from kd_keras.training.sparse_gradients import ClipsSummedGradients


@keras.saving.register_keras_serializable(package="kd_keras")
class ClippedSGD(ClipsSummedGradients, keras.optimizers.SGD):
    """SGD for the language model, and lazy Adam for codes that are learned.

    SGD with the gradient clipped by its global norm trains the model, as in
    the TensorFlow tutorial; under a strategy, the gradient of the whole batch.
    Where gradients are sparse, the norm is that of
    the summed rows and they stay sparse. The logits of `KDCodeLearner` layers
    have gradients of another scale; they are left out of the norm and trained
    by a `LazyAdam` of their own, as the authors of the paper do in their later
    code.

    Single variables may have a learning rate of their own; their gradients
    are scaled before the norm is taken.

    Args:
        learning_rate: Float or schedule, of SGD.
        global_clipnorm: Float or None. Largest norm of all gradients but the
            logits'.
        codes_learning_rate: Float, of the logits' `LazyAdam`.
        rates: Dictionary from paths of variables to their learning rates, as
            a share of `learning_rate`.
        name: String.
    """

    def __init__(
        self,
        learning_rate=1.0,
        global_clipnorm=None,
        codes_learning_rate=0.01,
        rates=None,
        name="clipped_sgd",
    ):
        super().__init__(
            learning_rate=learning_rate,
            global_clipnorm=global_clipnorm,
            name=name,
        )
        self.rates = dict(rates or {})
        self.codes_optimizer = LazyAdam(codes_learning_rate, name="codes")

    def build(self, variables):
        if self.built:  # type: ignore[has-type]
            return
        super().build(variables)  # SGD has no memory to create for them
        self.codes_optimizer.build(_split(variables, variables)[0])

    @property
    def variables(self):
        return [*super().variables, *self.codes_optimizer.variables]

    def apply(self, grads, trainable_variables=None):
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

    def get_config(self):
        rate = self.codes_optimizer.learning_rate
        return {
            "learning_rate": super().get_config()["learning_rate"],
            "global_clipnorm": self.global_clipnorm,
            "codes_learning_rate": float(rate.numpy()),
            "rates": self.rates,
            "name": self.name,
        }


def _split(variables, values):
    """Parts values by whether their variable is a learner's logits."""
    parts: tuple[list, list] = ([], [])
    for variable, value in zip(variables, values, strict=True):
        parts[0 if variable.name == "logits" else 1].append(value)
    return parts
