"""Perplexity as the TensorFlow tutorial measures it."""

import math
import os

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from kd_keras.language_model.model import LanguageModel
from kd_keras.utils.errors import BadInputError

# Tokens per call. The state is carried, so this changes no result.
TOKENS_OF_A_CALL = 1000


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
        logs = model.test_on_batch(
            tokens[None, begin:end],
            tokens[None, begin + 1 : end + 1],
            return_dict=True,
        )
        total += float(logs["loss"]) * (end - begin)
    return math.exp(total / count)
