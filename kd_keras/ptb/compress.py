"""The command `kd-keras ptb compress`."""

import argparse
import functools
import os
import shlex
import time
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.commands.compress_model import write_reports, write_small_model
from kd_keras.compression.budget import check_budget
from kd_keras.datasets.ptb.batches import cut_batches
from kd_keras.datasets.ptb.corpus import Corpus
from kd_keras.export.litert.load_litert import load_litert
from kd_keras.export.litert.precisions import precision_by_name
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.folders.output_folder import reserved
from kd_keras.folders.report_file import read_any_report
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.ptb.export import SEQUENCE_LENGTH, litert_perplexity, symbols
from kd_keras.ptb.inputs import check_words, read_text, read_words
from kd_keras.ptb.run_folder import RunFolder
from kd_keras.ptb.settings import backend, check_float32
from kd_keras.search.effort import check_effort
from kd_keras.utils.checks import check_seed, check_utf8_path
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.experiment_record import circumstances
from kd_keras.utils.folder_lock import folder_lock
from kd_keras.utils.progress_bar import Say
from kd_keras.vectors.stored_table import file_sha256

# The options that the report tells.
ARGUMENTS = (
    "run",
    "budget",
    "teacher",
    "precision",
    "seed",
    "effort",
    "from_scratch",
    "data_dir",
    "any_text",
)

# The share of the trained model's predictions in the loss, if it is its own
# teacher. The language model learns its text by heart, so they help more than
# in other tasks.
TEACHERS_SHARE = 0.5

# Those that decide the results, beside the files.
DECIDE = ("budget", "precision", "seed", "effort")


def compress(given: argparse.Namespace, say: Say) -> dict[str, Any]:
    """Makes a trained language model small, and writes its folder.

    Unless `--force` is given, the report of an earlier call with the same
    options and files is returned.

    Args:
        given: `argparse.Namespace`. The options of `ptb compress`.
        say: callable. Called with a line of text at the start of each step.

    Returns:
        dict. The report of the folder, with `test_perplexity`, which is
        measured on the `.tflite` file.

    Raises:
        BadInputError: If an option is invalid, or a run is unfinished or of
            another text.
    """
    check_budget(given.budget)
    as_bad_input(check_effort, given.effort)
    as_bad_input(check_seed, "--seed", given.seed)
    if given.from_scratch and given.teacher:
        raise BadInputError(
            "--from-scratch learns from the text alone. Received: "
            "--from-scratch and --teacher"
        )
    need_litert()
    run = _finished("--from", given.run)
    check_float32(run.read_settings(), given.run)
    teachers = [_finished("--teacher", x) for x in given.teacher or ()]
    output = given.output
    if output is None:
        path = os.path.normpath(given.run)
        if path.split(os.sep)[-1] in (".", ".."):
            path = os.path.realpath(path)
        output = f"{path}-small"
    as_bad_input(check_utf8_path, "--output", output)
    corpus = read_text(given, backend())
    for one in (run, *teachers):
        check_words(str(one.path), read_words(one.vocabulary), corpus)
    decides = {
        **{name: getattr(given, name) for name in DECIDE},
        "run": file_sha256(run.model),
        "teacher": [file_sha256(x.model) for x in teachers],
        "text": corpus.digest(),
        "versions": circumstances()["versions"],
    }
    if given.from_scratch:
        decides["from_scratch"] = True
    if not given.force and _has_made(output, decides):
        say(f"{output} is there already")
        with folder_lock(Path(os.path.realpath(output))):
            return _measured(Path(output), corpus, given, say)
    with reserved(output, given.force) as folder:
        _compress(given, run, teachers, corpus, decides, output, folder, say)
        # Only now: if this is interrupted, the model is kept.
        return _measured(folder, corpus, given, say)


def _finished(option: str, path: str) -> RunFolder:
    run = RunFolder(path)
    run.check_finished(option, path)
    return run


def _compress(
    given: argparse.Namespace,
    run: RunFolder,
    teachers: list[RunFolder],
    corpus: Corpus,
    decides: dict[str, Any],
    output: str,
    folder: Path,
    say: Say,
) -> None:
    import keras

    from kd_keras.compression.compress import compress_model
    from kd_keras.compression.steps import KeptSteps
    from kd_keras.language_model.copies import streaming_model

    steps = KeptSteps(folder, decides, say)
    say(f"Reading {given.run}")
    # Dropout draws a seed when it is loaded.
    keras.utils.set_random_seed(given.seed)
    model, texts = _training_model(run, corpus)
    began = time.perf_counter()
    verbose = 0 if given.quiet else 1
    found = compress_model(
        model,
        given.budget,
        texts[0],
        validation_data=texts[1],
        quantization=precision_by_name(given.precision).quantization,
        seed=given.seed,
        effort=given.effort,
        verbose=verbose,
        say=say,
        needs_file=True,
        contents=_contents(corpus),
        steps=steps,
        teacher=_teacher(teachers, model.input_shape),
        teachers_share=None if teachers else TEACHERS_SHARE,
        train=_trainer(given, run, texts, steps, say),
    )
    asked = {
        "command": _command(given, output),
        "arguments": {name: getattr(given, name) for name in ARGUMENTS},
        "decides": decides,
        "folder": output,
        "seconds": round(time.perf_counter() - began, 1),
    }
    write_small_model(
        folder, given.force, found, asked, say, streaming_model(found.model)
    )
    steps.remove()


def _trainer(
    given: argparse.Namespace,
    run: RunFolder,
    texts: list[tuple[np.ndarray, np.ndarray]],
    steps: Any,
    say: Say,
) -> Any:
    """Returns what trains the small model, or None for `distil`."""
    if not given.from_scratch:
        return None
    from kd_keras.ptb.from_scratch import train_from_scratch

    settings = run.read_settings()
    return functools.partial(
        train_from_scratch,
        # All epochs, however many the large model had.
        configuration=CONFIGURATIONS[settings.model],
        texts=texts,
        seed=given.seed,
        steps=steps,
        say=say,
        lstm_rate=settings.lstm_rate,
    )


def _has_made(output: str, decides: dict[str, Any]) -> bool:
    """Tells whether a folder is what a command with these decisions writes."""
    try:
        return read_any_report(output).get("decides") == decides
    except BadInputError:
        return False


def _measured(
    folder: Path, corpus: Corpus, given: argparse.Namespace, say: Say
) -> dict[str, Any]:
    """Adds the test perplexity of the file to a report, if it lacks it."""
    report = read_any_report(folder)
    if "test_perplexity" in report:
        return report
    say("Reading the test text with the file")
    report["test_perplexity"] = litert_perplexity(
        load_litert(folder / "model.tflite"),
        corpus.test,
        0 if given.quiet else 1,
    )
    write_reports(folder, report)
    return report


def _training_model(
    run: RunFolder, corpus: Corpus
) -> tuple[Any, list[tuple[np.ndarray, np.ndarray]]]:
    """Loads the model for batches as it was trained with, and makes these."""
    import keras

    from kd_keras.language_model.copies import copy_language_model
    from kd_keras.language_model.distilled import CLIPNORM, LEARNING_RATE
    from kd_keras.language_model.evaluation import load_streaming_model

    configuration = run.read_settings().configuration
    size = configuration.batch_size, configuration.steps
    model = copy_language_model(load_streaming_model(run.model), *size)
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=CLIPNORM),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    texts = [cut_batches(t, *size) for t in (corpus.train, corpus.valid)]
    return model, texts


def _teacher(runs: list[RunFolder], size: tuple[int, int]) -> Any:
    """Loads the mean of the models of runs, or None if there are none."""
    from kd_keras.language_model.evaluation import load_streaming_model
    from kd_keras.language_model.mean_model import mean_model

    if not runs:
        return None
    return mean_model([load_streaming_model(x.model) for x in runs], *size)


def _contents(corpus: Corpus) -> Any:
    """Tells what `model.tflite` holds: what `ptb export` writes."""
    from kd_keras.compression.file_size import FileContents
    from kd_keras.language_model.copies import streaming_model

    return FileContents(
        streaming_model, SEQUENCE_LENGTH, **symbols(corpus.vocabulary)
    )


def _command(given: argparse.Namespace, output: str) -> str:
    words = ["kd-keras", "ptb", "compress", "--from", given.run]
    words += ["--budget", given.budget, "--precision", given.precision]
    words += ["--teacher", *given.teacher] if given.teacher else []
    words += ["--from-scratch"] if given.from_scratch else []
    words += ["--seed", str(given.seed), "--effort", repr(given.effort)]
    if given.any_text:  # the Penn Treebank is the same everywhere
        words += ["--data-dir", given.data_dir, "--any-text"]
    return shlex.join([*words, "--output", output])
