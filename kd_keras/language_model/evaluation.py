"""Perplexity as the TensorFlow tutorial measures it."""

import math
import os
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from kd_keras.language_model.model import LanguageModel
from kd_keras.language_model.unique_symbols import UniqueSymbols
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.learning.freeze import freeze
from kd_keras.utils.errors import BadInputError

# Tokens per call. The state is carried, so this changes no result.
TOKENS_OF_A_CALL = 1000


def streaming_model(model: LanguageModel) -> LanguageModel:
    """Copies a language model into one that reads a single text.

    Args:
        model: `LanguageModel` of any batch size.

    Returns:
        `LanguageModel` with the same weights, which takes ids `(1, steps)`
        with any number of steps. Learned codes are fixed in it.
    """
    ids = keras.Input((None,), 1, dtype="int32", name="token_ids")
    first = model.get_layer("embedding")
    embedding = None
    if isinstance(model.embedding, KDEmbedding):
        embedding = layer = freeze(model.embedding)
        if isinstance(first, UniqueSymbols):
            layer = UniqueSymbols(embedding, name="embedding")
        steps = layer(ids)
    else:
        steps = _call_copy(first, ids)
    for layer in model.layers[model.layers.index(first) + 1 :]:
        if isinstance(layer, KDLogits):
            steps = _copy_of_logits(layer, embedding)(steps)
        else:
            steps = _call_copy(layer, steps)
    return LanguageModel(ids, steps)


def _copy_of_logits(layer: KDLogits, embedding: KDEmbedding | None) -> KDLogits:
    """Copies an output layer; ties it to the copy of its embedding."""
    if layer.embedding is None:
        return freeze(layer)
    copy = KDLogits.from_config(layer.get_config() | {"embedding": embedding})
    copy.build((None, layer.input_spec.axes[-1]))
    for name in ("bias", "projection"):
        trained: Any = getattr(layer, name)
        if trained is not None:
            getattr(copy, name).assign(trained.numpy())
    return copy


def load_streaming_model(path: str | os.PathLike[str]) -> LanguageModel:
    """Loads a model written by `kd-keras ptb train`.

    Args:
        path: path. The file `model.keras`.

    Returns:
        `LanguageModel` of batch size 1.

    Raises:
        BadInputError: If the file is missing or damaged, or contains another
            kind of model.
    """
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInputError(
            f"{path} cannot be read: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(model, LanguageModel) or model.input_shape[0] != 1:
        raise BadInputError(
            f"{path} must be a model written by `kd-keras ptb train`. "
            f"Received: a {type(model).__name__}"
        )
    return model


def _call_copy(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Calls a copy of a layer with its weights but without carried state."""
    config = layer.get_config()
    if "unroll" in config:
        config["unroll"] = False  # to take any number of steps
    copy = type(layer).from_config(config)
    outputs = copy(inputs)
    for mine, trained in zip(
        copy.trainable_variables, layer.trainable_variables, strict=True
    ):
        mine.assign(trained.numpy())
    return outputs


def evaluate_perplexity(
    model: LanguageModel, tokens: np.ndarray, verbose: int = 0
) -> float:
    """Measures the perplexity of a model on a text, predicting each token once.

    As in the test of the tutorial, the text is read as one piece, token by
    token, from a state of 0.

    Args:
        model: `LanguageModel` of batch size 1, see `streaming_model`.
        tokens: array of int, shape `(n,)`. The ids of the text.
        verbose: int. 0 for silence, otherwise shows a progress bar.

    Returns:
        float. The exponential of the mean cross entropy of `tokens[1:]`.
    """
    model.compile(
        "sgd",  # not used, and adds nothing to the saved model
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
