"""Perplexity as the TensorFlow tutorial measures it."""

import math

import keras
from rich.console import Console
from rich.progress import track

from kd_keras.freeze import freeze
from kd_keras.kd_embedding import KDEmbedding
from kd_keras.language_model.model import build_language_model

# Tokens of one call; the state is carried on, so it changes no figure.
TOKENS_OF_A_CALL = 1000


def streaming_model(model, configuration):
    """Copies a language model into one that reads a single text.

    Args:
        model: `LanguageModel`, of any batch size.
        configuration: The `Configuration` it was built of.

    Returns:
        A `LanguageModel` with the same weights, from ids `(1, steps)`, any
        number of steps; learned codes are fixed in it.
    """
    embedding = model.embedding
    if isinstance(embedding, KDEmbedding):
        embedding = freeze(embedding)
    else:
        embedding = type(embedding).from_config(embedding.get_config())
        embedding.build()
        embedding.set_weights(model.embedding.get_weights())
    vocabulary_size = model.output_shape[-1]
    copy = build_language_model(
        configuration, embedding, vocabulary_size, batch_size=1, steps=None
    )
    for layer in model.layers:
        if layer.name != "embedding":
            trained = [v.numpy() for v in layer.trainable_variables]
            mine = copy.get_layer(layer.name).trainable_variables
            for variable, value in zip(mine, trained, strict=True):
                variable.assign(value)
    return copy


def evaluate_perplexity(model, tokens, verbose=0):
    """Measures the perplexity of a text, every token predicted once.

    As in the tutorial's test: the text is read in one piece, token after
    token, from a state of 0.

    Args:
        model: A `LanguageModel` of batch size 1 (see `streaming_model`).
        tokens: Integer array of ids.
        verbose: 0 for silence, otherwise a progress bar.

    Returns:
        Float: the exponential of the mean cross entropy of tokens[1:].
    """
    model.compile(
        "sgd",  # not used, and nothing to be saved with the model
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    model.reset_state()
    total, count = 0.0, len(tokens) - 1
    for begin in track(
        range(0, count, TOKENS_OF_A_CALL),
        "Evaluating",
        console=Console(stderr=True),
        disable=not verbose,
    ):
        end = min(begin + TOKENS_OF_A_CALL, count)
        model.reset_metrics()
        loss = model.test_on_batch(
            tokens[None, begin:end], tokens[None, begin + 1 : end + 1]
        )
        total += float(loss) * (end - begin)
    return math.exp(total / count)
