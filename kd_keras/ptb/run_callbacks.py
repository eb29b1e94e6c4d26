"""What happens around the epochs of a training."""

import time

import keras

from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.training.code_metrics import CodeMetrics
from kd_keras.training.code_summaries import CodeSummaries
from kd_keras.training.temperature_schedule import TemperatureSchedule


class FreshState(keras.callbacks.Callback):
    """Begins every epoch and every evaluation at the start of a text.

    An epoch also draws random numbers of its own, for dropout: Keras does not
    keep the state of its generators in a checkpoint, and a resumed epoch must
    drop what the broken one has dropped.

    Args:
        seed: Integer.
    """

    def __init__(self, seed=0):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        self.model.reset_state()
        generators = [
            v for v in self.model.variables if v.name == "seed_generator_state"
        ]
        for number, state in enumerate(generators):
            state.assign([(self.seed + number) % 2**32, epoch])

    def on_test_begin(self, logs=None):
        self.model.reset_state()


class EpochSeconds(keras.callbacks.Callback):
    """Puts the seconds that the training steps of an epoch took into its logs.

    Without the evaluation, and without what `fit` does after the last step.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = self._end = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._end = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["seconds"] = self._end - self._begin


def run_callbacks(model, settings, folder, best_so_far):
    """Lists the callbacks of `fit`, those that write last.

    Args:
        model: The compiled `LanguageModel`.
        settings: `RunSettings`.
        folder: `RunFolder`.
        best_so_far: Float or None. Least validation perplexity of the epochs
            before a resume.

    Returns:
        List of callbacks.
    """
    callbacks = [
        FreshState(settings.seed),
        EpochSeconds(),
        keras.callbacks.LearningRateScheduler(
            settings.configuration.learning_rate_of
        ),
    ]
    learns_codes = bool(find_layers(model, KDCodeLearner))
    if learns_codes:
        callbacks += [
            TemperatureSchedule(
                settings.temperature,
                settings.temperature_decay,
                minimum=settings.least_temperature,
            ),
            CodeMetrics(),
        ]
    callbacks += [
        keras.callbacks.ModelCheckpoint(
            str(folder.best_weights),
            monitor="val_perplexity",
            mode="min",
            save_best_only=True,
            save_weights_only=True,
            initial_value_threshold=best_so_far,
        ),
        keras.callbacks.CSVLogger(str(folder.log), append=True),
    ]
    if keras.backend.backend() == "tensorflow":
        # Keras' callback imports TensorFlow; on JAX the log has the curves.
        callbacks.append(
            keras.callbacks.TensorBoard(
                str(folder.tensorboard), write_graph=False
            )
        )
        if learns_codes:
            callbacks.append(CodeSummaries(folder.tensorboard / "train"))
    # Last: what a broken epoch has written is written again.
    callbacks.append(
        keras.callbacks.BackupAndRestore(
            str(folder.backup), double_checkpoint=True, delete_checkpoint=False
        )
    )
    return callbacks
