"""The settings of a training run of the language model."""

import dataclasses
from typing import Any

from kd_keras.codes.checks import check_kd
from kd_keras.codes.sizes import embedding_bytes, parameter_count
from kd_keras.language_model.configurations import (
    CONFIGURATIONS,
    Configuration,
    usual_lstm_rate,
)
from kd_keras.utils.checks import check_seed
from kd_keras.utils.errors import BadInputError, as_bad_input

EMBEDDINGS = ("conventional", "fixed", "learn")
OUTPUT_LAYERS = ("dense", "codes", "tied")
# Epochs of a run that goes on from a trained one.
TUNING_EPOCHS = 3


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """The settings that determine the result of a training run.

    Attributes:
        model: str. Name of the configuration.
        embedding: one of `"conventional"` (`keras.layers.Embedding`),
            `"fixed"` (fixed codes), `"learn"` (codes learned with the task).
        code_learning: str. Where the codes come from: `"none"` (conventional),
            `"random"`, the name of a composition (learned beforehand with
            it), or `"task"`.
        composition: str or None. The name of the model's composition; None
            for conventional.
        K, D, code_dim: int or None. As in `KDEmbedding`; None for
            conventional.
        lstm_rate: float or None. Learning rate of U and b of an LSTM
            composition, as a fraction of the model's; None for the others.
        output_layer: one of `"dense"` (`keras.layers.Dense`), `"codes"`
            (`KDLogits` with fixed codes), `"tied"` (`KDLogits` tied to the
            embedding).
        output_code_learning, output_composition, output_K, output_D,
            output_code_dim: As `code_learning`, `composition`, `K`, `D` and
            `code_dim`, of an output layer with codes of its own; None for
            others.
        count_power, output_count_power: float or None. The power of the words'
            counts that their errors counted with when the codes of the
            embedding and of the output layer were learned; None for all alike.
        warm_start: bool. Whether codes learned with the task start from codes
            learned beforehand.
        tuned: bool. Whether the run goes on from a trained one, distilling it.
        seed: int. The seed for all random choices.
        precision: one of `"float32"`, `"mixed_bfloat16"`.
        backend: str. Keras' backend.
        strategy: str. Name of the `tf.distribute` strategy.
        replicas: int. Number of devices that share a batch.
        epochs: int or None. Number of epochs; None for the configuration's.
        codes_learning_rate: float or None. Learning rate of the logits' lazy
            Adam optimizer, for `"learn"`.
        temperature, temperature_decay, least_temperature: float or None. The
            learners' temperature schedule T = T0 / (1 + decay * t) and its
            minimum, for `"learn"`.
    """

    model: str = "small"
    embedding: str = "conventional"
    code_learning: str = "none"
    composition: str | None = None
    K: int | None = None
    D: int | None = None
    code_dim: int | None = None
    lstm_rate: float | None = None
    output_layer: str = "dense"
    output_code_learning: str | None = None
    output_composition: str | None = None
    output_K: int | None = None
    output_D: int | None = None
    output_code_dim: int | None = None
    count_power: float | None = None
    output_count_power: float | None = None
    warm_start: bool = False
    tuned: bool = False
    seed: int = 0
    precision: str = "float32"
    backend: str = "tensorflow"
    strategy: str = "default"
    replicas: int = 1
    epochs: int | None = None
    codes_learning_rate: float | None = None
    temperature: float | None = None
    temperature_decay: float | None = None
    least_temperature: float | None = None

    @property
    def configuration(self) -> Configuration:
        """The sizes and the schedule."""
        configuration = CONFIGURATIONS[self.model]
        if self.epochs is None:
            if self.tuned:
                return dataclasses.replace(configuration, epochs=TUNING_EPOCHS)
            return configuration
        return dataclasses.replace(configuration, epochs=self.epochs)

    @property
    def name(self) -> str:
        """A name for the folder of this run, which omits default settings."""
        if self.embedding == "conventional":
            parts = [self.model, "conventional"]
        else:
            parts = [self.model, self.code_learning, str(self.composition)]
            parts += [f"K{self.K}", f"D{self.D}"]
        if self.code_dim is not None:
            parts.append(f"code{self.code_dim}")
        if self.count_power is not None:
            parts.append(f"count{self.count_power:g}")
        if self.lstm_rate not in (None, usual_lstm_rate(self.D)):
            parts.append(f"rate{self.lstm_rate:g}")
        if self.warm_start:
            parts.append("warm")
        if self.output_layer == "tied":
            parts.append("tied")
        elif self.output_layer == "codes":
            parts += ["output", str(self.output_code_learning)]
            parts += [str(self.output_composition)]
            parts += [f"K{self.output_K}", f"D{self.output_D}"]
            if self.output_code_dim is not None:
                parts.append(f"code{self.output_code_dim}")
            if self.output_count_power is not None:
                parts.append(f"count{self.output_count_power:g}")
        if self.tuned:
            parts.append("tuned")
        usual = RunSettings()
        for field in ("precision", "backend", "strategy"):
            if getattr(self, field) != getattr(usual, field):
                parts.append(getattr(self, field))
        if self.epochs is not None:
            parts.append(f"{self.epochs}epochs")
        return "-".join([*parts, f"seed{self.seed}"])


def check_settings(settings: RunSettings, vocabulary_size: int) -> None:
    """Checks settings before a training run begins.

    Args:
        settings: `RunSettings`.
        vocabulary_size: int. Number of symbols.

    Raises:
        BadInputError: If a setting is invalid.
    """
    as_bad_input(check_seed, "--seed", settings.seed)
    if settings.epochs is not None and settings.epochs < 1:
        raise BadInputError(
            f"--epochs must be at least 1. Received: --epochs {settings.epochs}"
        )
    batch_size = settings.configuration.batch_size
    if batch_size % settings.replicas:
        raise BadInputError(
            "The number of replicas must divide the batch size, "
            f"{batch_size}. Received: {settings.replicas} replicas"
        )
    for prefix in ("", "output_"):
        sizes = _sizes(settings, vocabulary_size, prefix)
        if sizes is not None:
            as_bad_input(check_kd, *sizes[2:4])
            as_bad_input(parameter_count, *sizes)


def size_of_embedding(
    settings: RunSettings, vocabulary_size: int
) -> tuple[int, int]:
    """Counts the parameters and the bytes of a run's embedding.

    Args:
        settings: `RunSettings`.
        vocabulary_size: int. Number of symbols.

    Returns:
        `(parameters, bytes)`: the paper's count, with codes as N * D integers;
        and N * ceil(D * b / 8) bytes of packed codes plus 4 bytes per float.
    """
    return _counted(settings, vocabulary_size, "")


def size_of_output(
    settings: RunSettings, vocabulary_size: int
) -> tuple[int, int]:
    """Counts what a run's output layer adds, without its bias.

    Args:
        settings: `RunSettings`.
        vocabulary_size: int. Number of symbols.

    Returns:
        `(parameters, bytes)`, counted as those of the embedding; 0 if the
        output layer is tied to it.
    """
    if settings.output_layer == "tied":
        return 0, 0
    return _counted(settings, vocabulary_size, "output_")


def _counted(
    settings: RunSettings, vocabulary_size: int, prefix: str
) -> tuple[int, int]:
    sizes = _sizes(settings, vocabulary_size, prefix)
    if sizes is None:
        floats = vocabulary_size * settings.configuration.hidden
        return floats, 4 * floats
    return parameter_count(*sizes).total, embedding_bytes(*sizes).total


def _sizes(
    settings: RunSettings, vocabulary_size: int, prefix: str
) -> tuple[Any, ...] | None:
    """Returns the sizes of codes; None if a layer has none of its own."""
    names = ("K", "D", "code_dim", "composition")
    sizes = [getattr(settings, prefix + name) for name in names]
    if sizes[0] is None:
        return None
    return (vocabulary_size, settings.configuration.hidden, *sizes)
