"""`kd-keras ptb export`, and the perplexity of an exported model."""

import argparse
import itertools
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from kd_keras.export.checks import check_path
from kd_keras.export.litert.litert_model import LiteRTModel
from kd_keras.export.litert.precisions import precision_by_name
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.export.size.report import SizeReport
from kd_keras.export.size.size_report import size_report
from kd_keras.ptb.run_folder import RunFolder
from kd_keras.utils.errors import BadInputError, as_bad_input

# Of the exported function that reads a whole sequence.
SEQUENCE_LENGTH = 20


def export(
    given: argparse.Namespace, say: Callable[[str], object]
) -> SizeReport:
    """Writes the language model of a finished run, or its embedding.

    Args:
        given: `argparse.Namespace`. The options of `ptb export`.
        say: callable. Called with a line of text before the work.

    Returns:
        `SizeReport` of the file or folder.

    Raises:
        BadInputError: If an option is invalid or the run is unfinished.
    """
    is_litert_file = given.format == "litert"
    if given.precision and not is_litert_file:
        raise BadInputError(
            "--precision is for a .tflite file; a SavedModel is float32. "
            f"Received: --precision {given.precision} --format {given.format}"
        )
    folder = RunFolder(given.run)
    folder.check_finished("RUN", given.run)
    precision = given.precision or "int8"
    run_name = os.path.basename(os.path.abspath(given.run))
    name = f"ptb-{run_name}-{given.part}"
    if is_litert_file:
        name += f"-{precision}.tflite"
    path = given.output or name
    if folder.has(path):
        raise BadInputError(
            f"--output must not be a file of the run. Received: --output {path}"
        )
    if is_litert_file:
        need_litert()
    as_bad_input(check_path, path, not is_litert_file)
    words = folder.vocabulary.read_text("utf-8").split("\n")[:-1]
    options: dict[str, Any] = symbols(words)

    say(f"Exporting {given.run}, checking every word; this takes a minute")
    from kd_keras.export.export_litert import export_litert
    from kd_keras.export.export_saved_model import export_saved_model
    from kd_keras.language_model.evaluation import load_streaming_model

    model = load_streaming_model(folder.model)
    length = given.sequence_length
    if length is None and given.part == "model":
        length = SEQUENCE_LENGTH
    elif length is None and getattr(
        getattr(model.embedding, "composition", None), "runs_over_steps", False
    ):
        length = 1  # LiteRT gets a recurrence wrong if it is open
    if given.part == "embedding":
        model = model.embedding
    options["sequence_length"] = length
    try:
        if is_litert_file:
            options["quantization"] = precision_by_name(precision).quantization
            return export_litert(model, path, **options)
        export_saved_model(model, path, **options)
        return size_report(path)
    except ValueError as error:
        if "\n" in str(error):  # an error of Keras, not meant for a user
            raise
        raise BadInputError(str(error)) from None


def symbols(words: Sequence[str]) -> dict[str, Any]:
    """Returns the options of an export for a text's words."""
    unknown = words.index("<unk>") if "<unk>" in words else None
    return {"vocabulary": words, "unknown_id": unknown}


def litert_perplexity(
    model: LiteRTModel, tokens: np.ndarray, verbose: int = 0
) -> float:
    """Measures the perplexity of a `.tflite` file on a text.

    It reads the text token by token from a state of 0, as
    `evaluate_perplexity` does in Keras.

    Args:
        model: `LiteRTModel` of kind "language model".
        tokens: array of int, shape `(n,)`. The ids of the text.
        verbose: int. 0 for silence, otherwise shows a progress bar.

    Returns:
        float. The exponential of the mean cross entropy of `tokens[1:]`.
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
    """Checks whether a path names a `.tflite` file."""
    return Path(path).suffix == ".tflite"
