"""`kd-keras ptb export`, and the perplexity of what it wrote."""

import argparse
import itertools
import math
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from kd_keras.bad_input import BadInputError
from kd_keras.language_model.run_folder import RunFolder
from kd_keras.load_litert import LiteRTModel
from kd_keras.size_report import SizeReport


def export(given: argparse.Namespace) -> SizeReport:
    """Writes the language model of a finished run as a `.tflite` file.

    Args:
        given: The options of `ptb export`.

    Returns:
        The `SizeReport` of the file.

    Raises:
        BadInputError: If an option is wrong or the run is not finished.
    """
    folder = RunFolder(given.run)
    settings = folder.read_settings()
    if folder.read_row() is None:
        raise BadInputError(
            f"{given.run} holds a run that is not finished; the same "
            "`kd-keras ptb train` goes on with it"
        )
    if settings.embedding == "conventional":
        raise BadInputError(
            "RUN must be a run with KD codes. Received: "
            f"{given.run}, with a conventional embedding"
        )
    import keras

    import kd_keras.language_model.model  # noqa: F401  (registers it)
    from kd_keras.export_litert import export_litert

    words = folder.vocabulary.read_text("utf-8").split("\n")[:-1]
    unknown = words.index("<unk>") if "<unk>" in words else None
    quantization = None if given.precision == "float32" else given.precision
    name = f"ptb-{settings.name}-{given.precision}.tflite"
    try:
        return export_litert(
            keras.saving.load_model(folder.model, compile=False),
            given.output or name,
            words,
            quantization=quantization,
            sequence_length=given.sequence_length,
            unknown_id=unknown,
        )
    except ValueError as error:
        if "\n" in str(error):  # Keras' own, not said to a user
            raise
        raise BadInputError(str(error)) from None


def litert_perplexity(
    model: LiteRTModel, tokens: np.ndarray, verbose: int = 0
) -> float:
    """Measures the perplexity of a text on a `.tflite` file.

    Token by token from a state of 0, as `evaluate_perplexity` does in Keras.

    Args:
        model: A `LiteRTModel` of kind "language model".
        tokens: Integer array of ids.
        verbose: 0 for silence, otherwise a progress bar.

    Returns:
        Float: the exponential of the mean cross entropy of tokens[1:].
    """
    states, total = model.start(), 0.0
    for token, following in track(
        itertools.pairwise(tokens),
        "Evaluating",
        total=len(tokens) - 1,
        console=Console(stderr=True),
        disable=not verbose,
    ):
        logits, states = model.step(int(token), states)
        most = logits.max()
        odds = np.exp(logits - most).sum(dtype=np.float64)
        total += math.log(odds) + float(most - logits[following])
    return math.exp(total / (len(tokens) - 1))


def is_litert(path: str) -> bool:
    """Tells whether a path names a `.tflite` file."""
    return Path(path).suffix == ".tflite"
