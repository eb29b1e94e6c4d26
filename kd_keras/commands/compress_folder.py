"""The work of `kd-keras compress`: from a file of vectors to a folder.

The folder contains a compressed table (see `write_result`), code embeddings
(see `codebooks_folder`) or the codes of a shard (see `shard_folder`).
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kd_keras.commands.arguments import Arguments
from kd_keras.commands.check_arguments import (
    check_arguments,
    check_fit,
    rows_of_shard,
)
from kd_keras.commands.early_checks import check_start, check_tokens
from kd_keras.commands.table_codes import (
    TableCodes,
    learn_to_folder,
    start_keras,
    write_shard,
)
from kd_keras.commands.write_result import write_result
from kd_keras.folders.codebooks_folder import Codebooks
from kd_keras.folders.output_folder import new_folder, reserved
from kd_keras.search.learning_sample import is_large
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.progress_bar import Say
from kd_keras.vectors.counts import read_counts, weights_of_counts
from kd_keras.vectors.open_file import (
    ReadProgress,
    check_regular,
    is_pipe,
    on_disk,
)
from kd_keras.vectors.read_vectors import open_vectors
from kd_keras.vectors.weights import check_weights
from kd_keras.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from kd_keras.layers.kd_embedding import KDEmbedding


def compress_folder(
    arguments: Arguments,
    say: Say = lambda line: None,
    progress: ReadProgress | None = None,
    verbose: int = 0,
) -> dict[str, Any]:
    """Learns codes for a file of vectors and writes the folder.

    Every error in the arguments and the file is found before Keras is
    imported. The folder appears complete or not at all. If the table is so
    large that code embeddings are learned from a sample, an interrupted run
    resumes when it is called again. Any other run does so if a step after the
    learning failed or the process was killed there.

    Args:
        arguments: `Arguments`.
        say: callable. Called with a line of text at the start of each step.
        progress: callable or None. Called while reading with the number of
            bytes read and the total number of bytes.
        verbose: int. As in `learn_codes`.

    Returns:
        dict. The report, as stored in `report.json`.

    Raises:
        BadInputError: If an argument is invalid.
        VectorFileError: If the file is invalid.
    """
    if is_pipe(arguments.vectors):  # checked before it is read
        check_arguments(arguments)
        if arguments.output is None:
            raise BadInputError(
                "--output must name a folder if VECTORS is a pipe, which has "
                "no name. Received: no --output"
            )
    with on_disk(arguments.vectors) as file:
        return _compress(arguments, file, say, progress, verbose)


def _compress(
    arguments: Arguments,
    file: str,
    say: Say,
    progress: ReadProgress | None,
    verbose: int,
) -> dict[str, Any]:
    """Does the work of `compress_folder` for a file on disk."""
    began = time.perf_counter()
    with _started(arguments, file, say, progress) as (output, codebooks, table):
        N = len(table.vectors)
        read = time.perf_counter()
        learned = {"learned_rows": N, "shards": 1}
        found = TableCodes(arguments, codebooks, table, output)
        say("Starting Keras")
        start_keras()
        if codebooks or is_large(N, arguments.K):
            from kd_keras.learning.grow_embedding import with_codes

            learner, codes = found.find(slice(0, N), say, verbose)
            tiers = arguments.tier_options
            embedding = with_codes(learner, codes, **tiers)
            del codes  # 160 MB for 10 million symbols and D = 16
            learned["learned_rows"] = learner.input_dim
        else:
            embedding = found.learn_whole(
                lambda: _learn(arguments, table, verbose), say
            )
        seconds = {"read": read - began, "learn": time.perf_counter() - read}
        given = (output, arguments, table, embedding, say, learned, seconds)
        with found.kept_on_failure(say):
            report = write_result(*given, file)
        found.remove()
        return report


def compress_codebooks(
    arguments: Arguments,
    say: Say = lambda line: None,
    progress: ReadProgress | None = None,
    verbose: int = 0,
) -> str:
    """Learns code embeddings for a file of vectors and writes their folder.

    Args:
        arguments: `Arguments` with `codebooks_only`.
        say, progress, verbose: As in `compress_folder`.

    Returns:
        str. A line that says what was written.

    Raises:
        BadInputError: If an argument is invalid.
        VectorFileError: If the file is invalid.
    """
    check_regular(arguments.vectors)
    with _started(arguments, arguments.vectors, say, progress) as (
        output,
        _,
        table,
    ):
        say("Starting Keras")
        start_keras()
        codebooks = learn_to_folder(arguments, table, output, verbose)
    return (
        f"{arguments.folder}: code embeddings learned from "
        f"{codebooks.learned_rows:,} of {len(table.vectors):,} symbols"
    )


def compress_shard(
    arguments: Arguments,
    say: Say = lambda line: None,
    progress: ReadProgress | None = None,
    verbose: int = 0,
) -> str:
    """Finds the codes of a shard of a file of vectors and writes its folder.

    An interrupted run resumes when it is called again.

    Args:
        arguments: `Arguments` with `shard` and `codebooks`.
        say, progress, verbose: As in `compress_folder`.

    Returns:
        str. A line that says what was written.

    Raises:
        BadInputError: If an argument is invalid.
        VectorFileError: If the file is invalid.
    """
    began = time.perf_counter()
    check_regular(arguments.vectors)
    with _started(arguments, arguments.vectors, say, progress) as (
        output,
        codebooks,
        table,
    ):
        rows = rows_of_shard(arguments, len(table.vectors))
        found = TableCodes(arguments, codebooks, table, output)
        say("Starting Keras")
        start_keras()
        _, codes = found.find(rows, say, verbose)
        with new_folder(output, arguments.force) as folder:
            seconds = time.perf_counter() - began
            write_shard(folder, arguments, found, rows, codes, seconds)
        found.remove()
    return (
        f"{arguments.folder}: shard {arguments.shard}, the codes of symbols "
        f"{rows.start:,} to {rows.stop - 1:,} of {len(table.vectors):,}"
    )


@contextlib.contextmanager
def _started(
    arguments: Arguments, file: str, say: Say, progress: ReadProgress | None
) -> Iterator[tuple[Path, Codebooks | None, WordVectors]]:
    """Checks the arguments, opens the table and reports what was found.

    The output is kept for this command while the body runs.
    """
    codebooks = check_arguments(arguments)
    check_start(arguments.folder, arguments.litert)
    reads = (file, arguments.words, arguments.counts, arguments.codebooks)
    with reserved(arguments.folder, arguments.force, reads) as output:
        table = open_vectors(
            file,
            arguments.duplicates,
            progress,
            rows=lambda N: rows_of_shard(arguments, N),
            words=arguments.words,
            tensor=arguments.tensor,
        )
        N, d = table.vectors.shape
        check_fit(arguments, codebooks, N, d)
        if arguments.counts is not None:
            table = _with_weights(table, arguments)
        if arguments.litert is not None:
            check_tokens(table.words or (), arguments.vectors)
        for line in found_lines(table):
            say(line)
        yield output, codebooks, table


def _with_weights(table: WordVectors, arguments: Arguments) -> WordVectors:
    assert arguments.counts is not None
    assert arguments.count_power is not None  # see `check_arguments`
    counts = read_counts(arguments.counts, len(table.vectors), table.words)
    weights = weights_of_counts(counts, arguments.count_power)
    checked = as_bad_input(check_weights, weights, len(table.vectors))
    return dataclasses.replace(table, weights=checked)


def found_lines(table: WordVectors) -> list[str]:
    """Describes the table that was read.

    Args:
        table: `WordVectors`.

    Returns:
        list of str. The size and format, and notes for the user.
    """
    N, d = table.vectors.shape
    lines = [f"Found {N:,} symbols x {d} in {table.format}"]
    if table.dropped:
        lines.append(
            f"Left out {table.dropped:,} rows of words that came earlier"
        )
    return lines + [f"Note: {note}" for note in table.notes]


def _learn(
    arguments: Arguments, table: WordVectors, verbose: int
) -> "KDEmbedding":
    from kd_keras.learning.learn_codes import learn_codes

    given = arguments.settings | arguments.tier_options
    given |= {"verbose": verbose, "weights": table.weights}
    return as_bad_input(lambda: learn_codes(table.vectors, **given))
