"""The LSTM language model of the paper, with any embedding layer."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kd_keras.language_model.carried_lstm import CarriedLSTM
from kd_keras.language_model.clipped_sgd import ClippedSGD
from kd_keras.language_model.configurations import (
    Configuration,
    usual_lstm_rate,
)
from kd_keras.language_model.strategies import in_replica_of_several_workers
from kd_keras.language_model.unique_symbols import UniqueSymbols
from kd_keras.layers.compositions.linear import LinearComposition
from kd_keras.layers.find_layers import coded_layers
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.layers.reduced_embedding import ReducedEmbedding

# The learning rate of a matrix that all symbols share, as a fraction of the
# model's. Each symbol's gradient moves it, and so the vectors of all others, in
# the same direction. At the model's rate, the validation perplexity of the
# small model (K = 64, D = 8, d' = 50) is still 245 after two epochs.
SHARED_RATE = 0.01


@keras.saving.register_keras_serializable(package="kd_keras")
class LanguageModel(keras.Model):
    """A functional model from ids to the logits of each next symbol.

    It is compiled with a cross entropy as its loss. The logs also contain
    `perplexity`, the exponential of the mean cross entropy, which is computed
    from the loss at no cost.
    """

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().compile(optimizer, loss, loss_weights, **kwargs)
        self._loss_weight = 1.0 if loss_weights is None else loss_weights

    def compile_from_config(self, config: dict[str, Any]) -> None:
        # Keras does not compile copies of models with their own `compile`.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def get_metrics_result(self) -> dict[str, Any]:
        logs = super().get_metrics_result()
        logs["perplexity"] = ops.exp(logs["loss"] / self._loss_weight)
        if in_replica_of_several_workers():
            # Keras averages them over axis 0, which scalars do not have.
            logs = {name: ops.expand_dims(v, 0) for name, v in logs.items()}
        return logs

    def _maybe_symbolic_build(
        self, iterator: Any = None, data_batch: Any = None
    ) -> None:
        if iterator is not None:
            # Keras takes a batch from the iterator and averages it over the
            # replicas, which fails with several workers. Any ids of the right
            # shape will do.
            ids = np.zeros(self.input_shape, np.int32)
            data_batch = (ids, ids)
        super()._maybe_symbolic_build(data_batch=data_batch)

    def reset_state(self) -> None:
        """Resets the carried state of every LSTM to 0, as before any text."""
        for layer in self.layers:
            if isinstance(layer, CarriedLSTM):
                layer.reset_state()

    @property
    def embedding(self) -> keras.layers.Layer:
        """The layer that turns ids into vectors."""
        layer = self.get_layer("embedding")
        return layer.embedding if isinstance(layer, UniqueSymbols) else layer


def uniform_initializers(
    configuration: Configuration, seed: int = 0
) -> Callable[[], keras.initializers.Initializer]:
    """Makes uniform initializers, each with its own seed.

    Args:
        configuration: `Configuration`. Weights are drawn between minus and
            plus its `init_scale`.
        seed: int.

    Returns:
        callable without arguments that returns the next initializer.
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(64).tolist())
    return lambda: keras.initializers.RandomUniform(
        -configuration.init_scale, configuration.init_scale, seed=next(seeds)
    )


def build_language_model(
    configuration: Configuration,
    embedding: keras.layers.Layer,
    vocabulary_size: int,
    batch_size: int,
    steps: int | None,
    seed: int = 0,
    output: keras.layers.Layer | None = None,
) -> LanguageModel:
    """Builds the language model.

    Args:
        configuration: `Configuration`.
        embedding: `keras.layers.Layer` from ids `(...)` to vectors
            `(..., hidden)`: `keras.layers.Embedding`, any `KDEmbedding`, or
            another layer.
        vocabulary_size: int. Number of symbols.
        batch_size: int. Number of rows in a batch. Each row carries its state
            to the same row of the next batch.
        steps: int or None. Number of tokens in a row; None for any number.
        seed: int. Seed of all weights except the embedding's and those of
            an `output` that is given.
        output: `keras.layers.Layer` from hidden states `(..., hidden)` to
            logits `(..., vocabulary_size)`, or None for
            `keras.layers.Dense`.

    Returns:
        `LanguageModel`, built but not compiled, from ids of int32,
        `(batch_size, steps)`, to logits
        `(batch_size, steps, vocabulary_size)`.
    """
    uniform = uniform_initializers(configuration, seed)
    ids = keras.Input((steps,), batch_size, dtype="int32", name="token_ids")
    if (
        isinstance(embedding, KDEmbedding)
        and embedding.composition.runs_over_steps
    ):
        vectors = UniqueSymbols(embedding, name="embedding")(ids)
    else:
        embedding.name = "embedding"
        vectors = embedding(ids)
    hidden = _dropout(configuration, 0, seed)(vectors)
    for number in range(configuration.layers):
        hidden = CarriedLSTM(
            configuration.hidden,
            kernel_initializer=uniform(),
            recurrent_initializer=uniform(),
            unroll=_unrolls(steps),
            name=f"lstm_{number}",
        )(hidden)
        hidden = _dropout(configuration, number + 1, seed)(hidden)
    if output is None:
        output = layers.Dense(
            vocabulary_size,
            kernel_initializer=uniform(),
            bias_initializer=uniform(),
        )
    output.name = "output"
    return LanguageModel(ids, output(hidden))


def _unrolls(steps: int | None) -> bool:
    """Decides on unrolling: a tenth faster on a CPU, slower than cuDNN."""
    if steps is None or keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


def _dropout(
    configuration: Configuration, number: int, seed: int
) -> keras.layers.Layer:
    return layers.Dropout(
        configuration.dropout, seed=seed + number, name=f"dropout_{number}"
    )


def _shared_maps(embedding: Any) -> list[Any]:
    """Returns the matrix that maps the short vectors of all symbols."""
    if isinstance(embedding, ReducedEmbedding):
        maps = [embedding.matrix]
    elif isinstance(getattr(embedding, "composition", None), LinearComposition):
        maps = [embedding.composition.kernel]
    else:
        maps = []
    return [x for x in maps if x is not None]


def compile_language_model(
    model: LanguageModel,
    configuration: Configuration,
    codes_learning_rate: float = 0.01,
    lstm_rate: float | None = None,
) -> None:
    """Compiles the model with the tutorial's loss and optimizer.

    U and b of an LSTM composition act D times on every symbol. Their gradient
    is therefore D times as large, and a step of the same length moves all
    vectors D times as far in the same way: at the model's learning rate the
    composition saturates within a hundred steps. They are therefore trained at
    1 / D^2 of that rate, as if they were parametrised as U / D and b / D.

    H of an embedding's linear composition, and the matrix of a
    `ReducedEmbedding`, act on the vectors of all symbols alike, so they are
    trained at `SHARED_RATE` of that rate. (H of an output layer maps the hidden
    state, as any layer does.)

    Args:
        model: `LanguageModel`.
        configuration: `Configuration`.
        codes_learning_rate: float. Learning rate of the logits of learned
            codes.
        lstm_rate: float or None. Learning rate of U and b of an LSTM
            composition, as a fraction of the model's; None for 1 / D^2.
    """
    rates: dict[str, Any] = {}
    for layer in coded_layers(model):
        rate = lstm_rate or usual_lstm_rate(layer.D)
        rates |= {v.path: rate for v in layer.composition.step_weights()}
    rates |= {v.path: SHARED_RATE for v in _shared_maps(model.embedding)}
    model.compile(
        ClippedSGD(
            configuration.learning_rate,
            configuration.clip,
            codes_learning_rate,
            rates,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # Summed over the steps, as in the TensorFlow tutorial: the mean over
        # batch and steps, times the steps.
        loss_weights=float(model.input_shape[1]),
        # XLA makes the recurrent steps slower on a CPU; JAX is all XLA.
        jit_compile=keras.backend.backend() != "tensorflow",
    )
