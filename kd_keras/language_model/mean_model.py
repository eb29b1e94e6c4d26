"""The mean of several language models."""

from collections.abc import Sequence

import keras
from keras import ops

from kd_keras.language_model.copies import copy_language_model
from kd_keras.language_model.model import LanguageModel


class MeanProbabilities(keras.layers.Layer):
    """Takes logits of several models to those of their mean probabilities."""

    def call(self, inputs: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
        logs = [ops.log_softmax(logits, axis=-1) for logits in inputs]
        total = ops.logsumexp(ops.stack(logs), axis=0)
        return total - ops.log(float(len(logs)))


def mean_model(
    models: Sequence[LanguageModel], batch_size: int, steps: int | None
) -> keras.Model:
    """Makes a model of the mean of the probabilities of several.

    Args:
        models: sequence of `LanguageModel` with the same words.
        batch_size: int. Number of rows in a batch.
        steps: int or None. Number of tokens in a row; None for any number.

    Returns:
        Keras model from ids of int32, `(batch_size, steps)`, to the logarithms
        of the mean probabilities, which are logits. It has copies of the
        models, with states of 0.
    """
    copies = [copy_language_model(model, batch_size, steps) for model in models]
    for i, copy in enumerate(copies):
        copy.name = f"model_{i}"  # each with a name of its own
    ids = keras.Input((steps,), batch_size, dtype="int32", name="token_ids")
    logits = [copy(ids) for copy in copies]
    return keras.Model(ids, MeanProbabilities(name="mean")(logits))
