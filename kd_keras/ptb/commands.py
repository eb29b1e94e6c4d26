"""The commands of `kd-keras ptb`, one for each step of the paper's pipeline."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kd_keras.commands.arguments import Arguments
from kd_keras.commands.compress_folder import compress_folder
from kd_keras.datasets.ptb.corpus import Corpus, read_corpus
from kd_keras.datasets.ptb.ptb_files import ptb_files
from kd_keras.export.litert.load_litert import load_litert
from kd_keras.folders.report_file import read_report
from kd_keras.language_model.strategies import worker_index
from kd_keras.ptb.export import is_litert, litert_perplexity
from kd_keras.ptb.paper_plan import commands_of, key_of, planned_runs
from kd_keras.ptb.results_file import (
    Row,
    add_row,
    check_writable,
    read_rows,
    row_key,
)
from kd_keras.ptb.run_folder import RunFolder
from kd_keras.ptb.run_settings import check_settings
from kd_keras.ptb.settings import PAPER_D, PAPER_K, backend, read_settings
from kd_keras.utils.checks import check_utf8_path
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.progress_bar import Say

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
    settings, codes = read_settings(given)
    path = given.output or os.path.join(RUNS, settings.name)
    as_bad_input(check_utf8_path, "--output", path)
    worker = worker_index() if settings.strategy == "multi-worker" else 0
    # Every worker keeps what it needs to resume; the first worker's counts.
    folder = RunFolder(f"{path}-worker{worker}" if worker else path)
    results = given.results or results_path(settings.model)
    rows = read_rows(results)  # find a bad file before hours of training
    if worker == 0:
        check_writable(results)
    corpus = _corpus(given, settings.backend)
    check_settings(settings, len(corpus.vocabulary))
    say(f"Training {settings.name}, {settings.configuration.epochs} epochs")
    finished = folder.read_row()
    from kd_keras.ptb import training

    row = training.train(
        settings,
        corpus,
        folder,
        given=_load_codes(codes, corpus)
        if codes and finished is None
        else None,
        command=_command(given, path),
        # Keras' progress bar rewrites its line, which needs a terminal.
        verbose=0 if given.quiet else 1 if sys.stdout.isatty() else 2,
    )
    if row not in rows and worker == 0:
        add_row(results, row)
    return row


def learn_codes(given: argparse.Namespace, say: Say) -> dict[str, Any]:
    """Learns codes for a trained model's table and writes their folder.

    If an earlier call with the same options has written the folder, its report
    is returned at once.

    Args:
        given: `argparse.Namespace`. The options of `ptb learn-codes`.
        say: callable. Called with a line of text at the start of each step.

    Returns:
        dict. The report of the folder.

    Raises:
        BadInputError: If an option is invalid, or the run is unfinished or has
            no conventional embedding.
    """
    run = RunFolder(given.run)
    settings = run.read_settings()
    if settings.embedding != "conventional":
        raise BadInputError(
            "--from must be a run with a conventional embedding. Received: "
            f"{given.run}, with {settings.embedding} codes"
        )
    if run.read_row() is None:
        raise BadInputError(
            f"--from must be a finished run. Received: {given.run}, which is "
            "unfinished; the same `kd-keras ptb train` command resumes it"
        )
    K = PAPER_K if given.K is None else given.K
    D = PAPER_D if given.D is None else given.D
    composition = given.composition or "linear"
    arguments = Arguments(
        vectors=str(run.table),
        K=K,
        D=D,
        composition=composition,
        code_dim=given.code_dim,
        seed=given.seed,
        effort=given.effort,
        output=given.output
        or str(
            run.path.parent / f"{settings.model}-codes-{composition}-K{K}-D{D}"
        ),
    )
    if (Path(arguments.folder) / "report.json").exists():
        report = read_report(arguments.folder)
        if report["command"] == arguments.command:
            return report
        raise BadInputError(
            "--output must not contain codes learned with other options. "
            f"Received: {arguments.folder}, written by: {report['command']}"
        )
    return compress_folder(arguments, say, verbose=0 if given.quiet else 1)


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
    row = folder.read_row()
    if row is None:
        raise BadInputError(
            f"RUN must be a finished run. Received: {given.run}, which is "
            "unfinished"
        )
    corpus = _corpus(given, backend())
    _check_words(given.run, _read_words(folder.vocabulary), corpus)
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
    corpus = _corpus(given, backend())
    _check_words(given.run, model.vocabulary or [], corpus)
    return litert_perplexity(
        model, getattr(corpus, given.split), 0 if given.quiet else 1
    )


def _read_words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from None


def _check_words(path: str, words: list[str], corpus: Corpus) -> None:
    if words != corpus.vocabulary:
        raise BadInputError(
            f"{path} was trained on another text: its vocabulary of "
            f"{len(words):,} words differs from this text's vocabulary of "
            f"{len(corpus.vocabulary):,} words"
        )


def table(given: argparse.Namespace, say: Say, parse: Parse) -> list[Row]:
    """Trains the planned rows that are missing, and returns all rows.

    Args:
        given: `argparse.Namespace`. The options of `ptb table`.
        say: callable. Called with a line of text at the start of each command.
        parse: callable. Parses the arguments of `kd-keras`.

    Returns:
        list of dict. The rows of the configuration, the planned rows of this
        backend first.

    Raises:
        BadInputError: If an option or a file is invalid.
    """
    results = given.results or results_path(given.model)
    rows = read_rows(results)
    plan = planned_runs(given.model, backend())
    common = ["--any-text"] if given.any_text else []
    common += ["--data-dir", given.data_dir] if given.data_dir else []
    quiet = ["--quiet"] if given.quiet else []
    for settings in [] if given.no_train else plan:
        if key_of(settings) in map(row_key, rows):
            continue
        for words in commands_of(settings, given.runs):
            say(f"kd-keras ptb {shlex.join(words)}")
            if words[0] == "learn-codes":
                learn_codes(parse(["ptb", *words, *quiet]), say)
            else:
                more = [*common, "--results", results, *quiet]
                train(parse(["ptb", *words, *more]), say)
        rows = read_rows(results)
    order = {key_of(settings): i for i, settings in enumerate(plan)}
    return sorted(
        (row for row in rows if row["model"] == given.model),
        key=lambda row: order.get(row_key(row), len(plan)),
    )


def results_path(model: str) -> str:
    """Returns the path of the results file of a configuration.

    Args:
        model: str. Name of the configuration.

    Returns:
        str.
    """
    return os.path.join("results", f"ptb_{model}.json")


def _corpus(given: argparse.Namespace, backend: str) -> Corpus:
    """Reads the text; with tensorflow-datasets if TensorFlow is the backend."""
    if given.any_text and given.data_dir is None:
        raise BadInputError(
            "--any-text needs --data-dir. Received: no --data-dir"
        )
    ptb_files(given.data_dir, given.any_text)
    if backend != "tensorflow" or given.any_text:
        return read_corpus(given.data_dir, given.any_text)
    with need_extra("ptb", "tensorflow_datasets"):
        from kd_keras.datasets.ptb.penn_treebank import read_corpus_by_tfds
    return read_corpus_by_tfds(given.data_dir)


def _load_codes(folder: str, corpus: Corpus) -> Any:
    import keras

    import kd_keras.layers.kd_embedding  # noqa: F401  (registers the layer)

    path = Path(folder) / "embedding.keras"
    try:
        embedding = keras.saving.load_model(path, compile=False).layers[0]
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{path} cannot be read: {' '.join(str(error).split())}"
        ) from None
    # Codes for vectors without words have no vocabulary; ids must match.
    words = path.with_name("vocabulary.txt")
    if words.exists():
        _check_words(folder, _read_words(words), corpus)
    elif embedding.input_dim != len(corpus.vocabulary):
        raise BadInputError(
            f"The codes must be for the text's {len(corpus.vocabulary):,} "
            f"words. Received: {folder}, with codes for "
            f"{embedding.input_dim:,} symbols"
        )
    return embedding


def _command(given: argparse.Namespace, path: str) -> str:
    """Rebuilds the command line without options that change no result."""
    words = ["kd-keras", "ptb", given.step]
    left_out = {
        "command", "step", "output", "results", "quiet", "data_dir",
    }  # fmt: skip
    for name, value in vars(given).items():
        if name in left_out or value is None or value is False:
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words.append(str(value))
    return shlex.join([*words, "--output", path])


@contextlib.contextmanager
def need_extra(extra: str, *packages: str) -> Iterator[None]:
    """Turns a missing optional package into a one-line error with the remedy.

    Args:
        extra: str. The extra of kd_keras that installs the packages.
        *packages: str. Names of the modules that may be missing.

    Raises:
        BadInputError: If one of the modules is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in packages:
            raise
        raise BadInputError(
            f"{error.name} is not installed; install it with: pip install "
            f"'kd_keras[{extra}]'"
        ) from None
