"""The LSTM language model of the paper, over any embedding layer."""

import keras
import numpy as np
from keras import layers, ops

from kd_keras.language_model.carried_lstm import CarriedLSTM
from kd_keras.language_model.clipped_sgd import ClippedSGD
from kd_keras.language_model.configurations import usual_lstm_rate
from kd_keras.language_model.strategies import in_replica_of_several_workers
from kd_keras.language_model.unique_symbols import UniqueSymbols
from kd_keras.layers.kd_embedding import KDEmbedding


@keras.saving.register_keras_serializable(package="kd_keras")
class LanguageModel(keras.Model):
    """A functional model from ids to the logits of each next symbol.

    Its loss is summed over the steps, as in the TensorFlow tutorial, and
    `perplexity`, the exponential of the mean cross entropy, stands beside it
    in the logs: it is taken from the loss, so it costs nothing.
    """

    def get_metrics_result(self):
        logs = super().get_metrics_result()
        steps = self.input_shape[1]
        if steps is not None:
            logs["perplexity"] = ops.exp(logs["loss"] / steps)
        if in_replica_of_several_workers():
            # Keras averages them over axis 0, which scalars have not.
            logs = {name: ops.expand_dims(v, 0) for name, v in logs.items()}
        return logs

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if iterator is not None:
            # Keras takes a batch from it and averages that over the replicas,
            # which several workers cannot do. Any ids of the shape will do.
            ids = np.zeros(self.input_shape, np.int32)
            data_batch = (ids, ids)
        super()._maybe_symbolic_build(data_batch=data_batch)

    def reset_state(self):
        """Sets the carried state of every LSTM to 0, that of no text."""
        for layer in self.layers:
            if isinstance(layer, CarriedLSTM):
                layer.reset_state()

    @property
    def embedding(self):
        """The layer that turns ids into vectors."""
        layer = self.get_layer("embedding")
        return layer.embedding if isinstance(layer, UniqueSymbols) else layer


def uniform_initializers(configuration, seed=0):
    """Gives initializers, each with a seed of its own, uniform in +-scale.

    Args:
        configuration: `Configuration`, whose `init_scale` is used.
        seed: Integer.

    Returns:
        A callable without arguments that returns the next one.
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(64).tolist())
    return lambda: keras.initializers.RandomUniform(
        -configuration.init_scale, configuration.init_scale, seed=next(seeds)
    )


def build_language_model(
    configuration,
    embedding,
    vocabulary_size,
    batch_size,
    steps,
    seed=0,
):
    """Builds the language model.

    Args:
        configuration: `Configuration`.
        embedding: Layer from ids `(...)` to vectors `(..., hidden)`:
            `keras.layers.Embedding`, any `KDEmbedding`, or another.
        vocabulary_size: Integer, number of symbols.
        batch_size: Integer, rows of a batch; the state is carried from row
            to row.
        steps: Integer, tokens of a row, or None for any number.
        seed: Integer. Decides the weights beside the embedding's.

    Returns:
        A built `LanguageModel`, not compiled: int32 ids `(batch_size, steps)`
        to logits `(batch_size, steps, vocabulary_size)`.
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
    logits = layers.Dense(
        vocabulary_size,
        kernel_initializer=uniform(),
        bias_initializer=uniform(),
        name="output",
    )(hidden)
    return LanguageModel(ids, logits)


def _unrolls(steps):
    """Unrolled steps are a tenth faster on a CPU; on a GPU cuDNN is faster."""
    if steps is None or keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


def _dropout(configuration, number, seed):
    return layers.Dropout(
        configuration.dropout, seed=seed + number, name=f"dropout_{number}"
    )


def compile_language_model(
    model, configuration, codes_learning_rate=0.01, lstm_rate=None
):
    """Compiles the model with the tutorial's loss and optimizer.

    U and b of an LSTM composition act D times on every symbol. So their
    gradient is D times as large, and a step of the same length moves the
    vectors D times as far, all of them alike: at the learning rate of the
    model the composition saturates within a hundred steps. Hence they are
    trained at 1 / D^2 of it, as if they were parametrised as U / D and b / D.

    Args:
        model: `LanguageModel`.
        configuration: `Configuration`.
        codes_learning_rate: Float, of the logits of learned codes.
        lstm_rate: Float. Learning rate of U and b of an LSTM composition, as
            a share of the model's; None for 1 / D^2.
    """
    rates = {}
    composition = getattr(model.embedding, "composition", None)
    if composition is not None and composition.step_weights:
        rate = lstm_rate or usual_lstm_rate(composition.D)
        rates = {v.path: rate for v in composition.step_weights}
    model.compile(
        ClippedSGD(
            configuration.learning_rate,
            configuration.clip,
            codes_learning_rate,
            rates,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # The mean over batch and steps, times the steps.
        loss_weights=float(model.input_shape[1]),
        # XLA makes the recurrent steps slower on a CPU; JAX is all XLA.
        jit_compile=keras.backend.backend() != "tensorflow",
    )
