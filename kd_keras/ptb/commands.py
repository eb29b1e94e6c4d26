"""The commands of `kd-keras ptb`, one for each step of the paper's pipeline."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from kd_keras.datasets.ptb.corpus import PENN_TREEBANK
from kd_keras.export.litert.load_litert import load_litert
from kd_keras.language_model.strategies import worker_index
from kd_keras.ptb.command_line import command_line
from kd_keras.ptb.export import is_litert, litert_perplexity
from kd_keras.ptb.inputs import (
    check_words,
    load_codes,
    read_text,
    read_words,
)
from kd_keras.ptb.learn_codes import learn_codes
from kd_keras.ptb.paper_plan import commands_of, key_of, planned_runs
from kd_keras.ptb.results_file import (
    Row,
    add_row,
    check_writable,
    read_rows,
    row_key,
)
from kd_keras.ptb.run_folder import CODES, OUTPUT_CODES, START, RunFolder
from kd_keras.ptb.run_settings import RunSettings, check_settings
from kd_keras.ptb.settings import (
    CodeFolders,
    backend,
    read_settings,
    read_tuned_settings,
)
from kd_keras.utils.checks import check_utf8_path
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.progress_bar import Say
from kd_keras.utils.quiet_retracing import quiet_retracing
from kd_keras.vectors.stored_table import file_sha256

RUNS = "ptb-runs"
Parse = Callable[[list[str]], argparse.Namespace]


def train(given: argparse.Namespace, say: Say) -> Row:
    """Trains a model with the options of `ptb train` or `ptb retrain`.

    Args:
        given: `argparse.Namespace`. The options.
        say: callable. Called with a line of text before the work.

    Returns:
        dict. The row, which is also written to the results file.

    Raises:
        BadInputError: If an option or a file is invalid.
    """
    settings, folders = read_settings(given)
    return _run(given, settings, folders, None, say)


def tune(given: argparse.Namespace, say: Say) -> Row:
    """Gives a trained model codes and trains it on, for `ptb tune`.

    Args:
        given: `argparse.Namespace`. The options.
        say: callable. Called with a line of text before the work.

    Returns:
        dict. The row, which is also written to the results file.

    Raises:
        BadInputError: If an option or a file is invalid, or the run that it
            begins with is unfinished.
    """
    start = RunFolder(given.run)
    start.check_finished("--from", given.run)
    settings, folders = read_tuned_settings(given, start.read_settings())
    return _run(given, settings, folders, start, say)


def _run(
    given: argparse.Namespace,
    settings: RunSettings,
    folders: CodeFolders,
    start: RunFolder | None,
    say: Say,
) -> Row:
    path = given.output or os.path.join(RUNS, settings.name)
    as_bad_input(check_utf8_path, "--output", path)
    worker = worker_index() if settings.strategy == "multi-worker" else 0
    # Every worker keeps what it needs to resume; the first worker's counts.
    folder = RunFolder(f"{path}-worker{worker}" if worker else path)
    results = given.results or results_path(settings.model)
    rows = read_rows(results)  # find a bad file before hours of training
    if worker == 0:
        check_writable(results)
    corpus = read_text(given, settings.backend)
    check_settings(settings, len(corpus.vocabulary))
    if start is not None:
        check_words(given.run, read_words(start.vocabulary), corpus)
    say(f"Training {path}, {settings.configuration.epochs} epochs")
    finished = folder.read_row()
    from kd_keras.language_model.evaluation import load_streaming_model
    from kd_keras.ptb import training
    from kd_keras.ptb.embeddings import GivenCodes

    codes = [
        load_codes(codes, corpus) if codes and not finished else None
        for codes in folders
    ]
    read = {
        option: f"{path}/embedding.keras"
        for option, path in zip((CODES, OUTPUT_CODES), folders, strict=True)
        if path
    }
    if start is not None:
        read[START] = str(start.model)
    row = training.train(
        settings,
        corpus,
        folder,
        given=GivenCodes(*codes),
        command=command_line(given, path),
        # A finished run needs its inputs no more, but others are refused.
        inputs={k: file_sha256(v) for k, v in read.items() if Path(v).exists()},
        # Keras' progress bar rewrites its line, which needs a terminal.
        verbose=0 if given.quiet else 1 if sys.stdout.isatty() else 2,
        teacher=None
        if start is None or finished
        else load_streaming_model(start.model),
    )
    row.setdefault("text", corpus.digest())  # of a run of an earlier version
    if row not in rows and worker == 0:
        add_row(results, row)
    return row


def evaluate(given: argparse.Namespace, say: Say) -> tuple[float, float | None]:
    """Measures the perplexity of a trained model.

    Args:
        given: `argparse.Namespace`. The options of `ptb evaluate`.
        say: callable. Not called.

    Returns:
        `(perplexity, recorded)`: the perplexity measured now, and the one in
        the row of the run, or None if the row does not have it.

    Raises:
        BadInputError: If the folder does not contain a finished run, or its
            vocabulary differs from the text's.
    """
    if is_litert(given.run):
        return _evaluate_litert(given), None
    folder = RunFolder(given.run)
    settings = folder.read_settings()
    row = folder.check_finished("RUN", given.run)
    corpus = read_text(given, backend())
    check_words(given.run, read_words(folder.vocabulary), corpus)
    import keras

    from kd_keras.language_model import evaluation

    keras.config.set_dtype_policy(settings.precision)
    found = evaluation.evaluate_perplexity(
        evaluation.load_streaming_model(folder.model),
        getattr(corpus, given.split),
        0 if given.quiet else 1,
    )
    # Training reads the validation text in 20 rows, with another result.
    return found, row["test_perplexity"] if given.split == "test" else None


def _evaluate_litert(given: argparse.Namespace) -> float:
    model = load_litert(given.run)
    if model.configuration["kind"] != "language model":
        raise BadInputError(
            f"RUN must be a language model. Received: {given.run}, a file of "
            f"kind {model.configuration['kind']!r}"
        )
    corpus = read_text(given, backend())
    check_words(given.run, model.vocabulary or [], corpus)
    return litert_perplexity(
        model, getattr(corpus, given.split), 0 if given.quiet else 1
    )


def table(given: argparse.Namespace, say: Say, parse: Parse) -> list[Row]:
    """Trains the planned rows that are missing, and returns all rows.

    Args:
        given: `argparse.Namespace`. The options of `ptb table`.
        say: callable. Called with a line of text at the start of each command.
        parse: callable. Parses the arguments of `kd-keras`.

    Returns:
        list of dict. The rows of the configuration and the text, the planned
        rows of this backend first.

    Raises:
        BadInputError: If an option or a file is invalid, or nothing is trained
            and there are no rows.
    """
    results = given.results or results_path(given.model)
    rows = read_rows(results)
    text = PENN_TREEBANK
    if given.any_text:
        text = read_text(given, backend()).digest()
    plan = planned_runs(given.model, backend())
    common = ["--any-text"] if given.any_text else []
    common += ["--data-dir", given.data_dir] if given.data_dir else []
    quiet = ["--quiet"] if given.quiet else []
    for settings in [] if given.no_train else plan:
        if key_of(settings, text) in map(row_key, rows):
            continue
        for words in commands_of(settings, given.runs):
            is_training = words[0] != "learn-codes"
            if is_training:
                words = [*words, *common, "--results", results]
            say(f"kd-keras ptb {shlex.join(words)}")
            step = train if is_training else learn_codes
            with quiet_retracing():
                step(parse(["ptb", *words, *quiet]), say)
        rows = read_rows(results)
    rows = [
        row
        for row in rows
        if row["model"] == given.model and row["text"] == text
    ]
    if not rows:
        raise BadInputError(
            f"--no-train needs rows of the {given.model} model on "
            + (given.data_dir if given.any_text else "the Penn Treebank")
            + f". Received: {results}, "
            + ("without any" if os.path.exists(results) else "not there")
        )
    order = {key_of(settings, text): i for i, settings in enumerate(plan)}
    return sorted(rows, key=lambda row: order.get(row_key(row), len(plan)))


def results_path(model: str) -> str:
    """Returns the path of the results file of a configuration.

    Args:
        model: str. Name of the configuration.

    Returns:
        str.
    """
    return os.path.join("results", f"ptb_{model}.json")
