"""The callbacks of a training run."""

import time
from typing import Any

import keras

from kd_keras.language_model.model import LanguageModel
from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.ptb.kept_weights import KeptWeights
from kd_keras.ptb.run_folder import RunFolder
from kd_keras.ptb.run_settings import RunSettings
from kd_keras.training.code_metrics import CodeMetrics
from kd_keras.training.code_summaries import CodeSummaries
from kd_keras.training.temperature_schedule import TemperatureSchedule


class FreshState(keras.callbacks.Callback):
    """Resets the LSTM state before every epoch and every evaluation.

    It also seeds dropout for each epoch. Keras does not store the state of its
    random generators in a checkpoint, and a resumed epoch must drop the same
    inputs as the interrupted one.

    Args:
        seed: int.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self.model.reset_state()
        generators = [
            v for v in self.model.variables if v.name == "seed_generator_state"
        ]
        for number, state in enumerate(generators):
            state.assign([(self.seed + number) % 2**32, epoch])

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.model.reset_state()


class EpochSeconds(keras.callbacks.Callback):
    """Adds the time of an epoch's training steps, in seconds, to its logs.

    The time excludes the evaluation and anything else after the last step.
    """

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._begin = self._end = time.perf_counter()

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._end = time.perf_counter()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if logs is not None:
            logs["seconds"] = self._end - self._begin


def run_callbacks(
    model: LanguageModel,
    settings: RunSettings,
    folder: RunFolder,
    kept: KeptWeights,
) -> list[keras.callbacks.Callback]:
    """Lists the callbacks for `fit`, with those that write files last.

    Args:
        model: `LanguageModel`, compiled.
        settings: `RunSettings`.
        folder: `RunFolder`.
        kept: `KeptWeights`.

    Returns:
        list of `keras.callbacks.Callback`.
    """
    callbacks = [
        FreshState(settings.seed),
        EpochSeconds(),
    ]
    if not settings.tuned:  # whose optimizer has its own schedule
        callbacks.append(
            keras.callbacks.LearningRateScheduler(
                settings.configuration.learning_rate_of
            )
        )
    learns_codes = bool(find_layers(model, KDCodeLearner))
    if learns_codes:
        assert settings.temperature and settings.least_temperature
        callbacks += [
            TemperatureSchedule(
                settings.temperature,
                settings.temperature_decay or 0.0,
                minimum=settings.least_temperature,
            ),
            CodeMetrics(),
        ]
    callbacks.append(keras.callbacks.CSVLogger(str(folder.log), append=True))
    if keras.backend.backend() == "tensorflow":
        # Keras' callback imports TensorFlow; on JAX, see the log for curves.
        callbacks.append(
            keras.callbacks.TensorBoard(
                str(folder.tensorboard), write_graph=False
            )
        )
        if learns_codes:
            callbacks.append(CodeSummaries(folder.tensorboard / "train"))
    # Last: an epoch interrupted before its weights are kept is run again and
    # rewrites its files.
    return [*callbacks, kept]
