"""A language model that also learns from another one's predictions.

References:
    Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network",
    2015.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kd_keras.language_model.model import LanguageModel

# Share of the teacher's predictions in the loss; the text has the rest.
TEACHERS_SHARE = 0.9
# Adam's learning rate falls from this along a cosine, to a fiftieth. Without
# distilling, 3e-4 and 1e-3 lead to perplexities that differ by half a percent.
LEARNING_RATE, LAST_RATE = 5e-4, 0.02
# Largest norm of all gradients together, as in the small model's training.
CLIPNORM = 5.0


class DistilledLanguageModel(LanguageModel):
    """A language model that is trained towards another one's predictions.

    The loss is the cross entropy with the text and that with the teacher's
    probabilities, `1 - TEACHERS_SHARE` and `TEACHERS_SHARE` of each, summed
    over the steps. `perplexity` is that of the text.

    The teacher is not a part of the model: it is neither saved nor trained.
    It carries its state like the model. It must run on TensorFlow.

    Args:
        model: `LanguageModel`. The model to be trained.
        teacher: `LanguageModel` of the same input shape.
    """

    def __init__(self, model: LanguageModel, teacher: LanguageModel) -> None:
        super().__init__(model.input, model.output)
        # In functions, or Keras would take the teacher for a layer.
        self._teach: Callable[[Any], Any] = lambda ids: teacher(ids)
        self._reset_teacher = teacher.reset_state
        self._of_text = keras.metrics.Mean(name="of_text")

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        of_text = super().compute_loss(x, y, y_pred, sample_weight, training)
        self._of_text.update_state(of_text)
        if not training:
            return of_text
        taught = ops.softmax(ops.stop_gradient(self._teach(x)))
        of_teacher = ops.mean(
            ops.categorical_crossentropy(taught, y_pred, from_logits=True)
        )
        steps = self.input_shape[1]  # as the loss of the text is weighted
        return of_text + TEACHERS_SHARE * (steps * of_teacher - of_text)

    def get_metrics_result(self) -> dict[str, Any]:
        logs = super().get_metrics_result()
        of_text = logs.pop(self._of_text.name)
        return logs | {"perplexity": ops.exp(of_text / self.input_shape[1])}

    def reset_state(self) -> None:
        super().reset_state()
        self._reset_teacher()


def compile_distilled(model: DistilledLanguageModel, steps: int) -> None:
    """Compiles the model with Adam, whose rate falls over a number of steps.

    Args:
        model: `DistilledLanguageModel`.
        steps: int. Number of training steps.
    """
    model.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                LEARNING_RATE, steps, LAST_RATE
            ),
            global_clipnorm=CLIPNORM,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        loss_weights=float(model.input_shape[1]),
    )
