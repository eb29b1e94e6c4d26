"""What `kd-keras compress` does: from a file of vectors to a folder.

A folder of a compressed table (see `result_folder`), of code embeddings
(see `codebooks_folder`), or of the codes of a shard (see `shard_folder`).
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kd_keras.commands.arguments import (
    Arguments,
    check_arguments,
    check_fit,
    rows_of_shard,
)
from kd_keras.commands.table_codes import (
    TableCodes,
    learn_to_folder,
    start_keras,
    write_shard,
)
from kd_keras.commands.write_result import Say, write_result
from kd_keras.folders.codebooks_folder import Codebooks
from kd_keras.folders.output_folder import (
    check_output,
    check_writable,
    new_folder,
)
from kd_keras.search.learning_sample import is_large
from kd_keras.utils.errors import as_bad_input
from kd_keras.vectors.files import WordVectors, open_vectors

ReadProgress = Callable[[int, int], object] | None


def compress_folder(
    arguments: Arguments,
    say: Say = lambda line: None,
    progress: ReadProgress = None,
    verbose: int = 0,
) -> dict[str, Any]:
    """Learns codes for a file of vectors and writes the folder.

    All that can be wrong with the arguments and the file is found before
    Keras is imported. The folder appears complete or not at all. Where the
    table is so large that code embeddings are learned on a sample, a run that
    was stopped goes on when it is called again.

    Args:
        arguments: An `Arguments`.
        say: Called with a line at the start of each step.
        progress: Called with the bytes read and all bytes while reading.
        verbose: As in `learn_codes`.

    Returns:
        The report, as `report.json` holds it.

    Raises:
        BadInputError: If an argument is wrong.
        VectorFileError: If the file is.
    """
    began = time.perf_counter()
    output, codebooks, table = _start(arguments, say, progress)
    N = len(table.vectors)
    read = time.perf_counter()
    learned = {"learned_rows": N, "shards": 1}
    found = None
    if codebooks or is_large(N, arguments.K):
        found = TableCodes(arguments, codebooks, table, output)
    say("Starting Keras")
    start_keras()
    if found is None:
        embedding = _learn(arguments, table, verbose)
    else:
        from kd_keras.learning.grow_embedding import with_codes

        learner, codes = found.find(slice(0, N), say, verbose)
        embedding = with_codes(learner, codes)
        del codes  # of 10 million symbols, 160 MB at D = 16
        learned["learned_rows"] = learner.input_dim
    seconds = {"read": read - began, "learn": time.perf_counter() - read}
    given = (output, arguments, table, embedding, say, learned, seconds)
    report = write_result(*given)
    if found is not None:
        found.remove()
    return report


def compress_codebooks(
    arguments: Arguments,
    say: Say = lambda line: None,
    progress: ReadProgress = None,
    verbose: int = 0,
) -> str:
    """Learns code embeddings for a file of vectors and writes their folder.

    Args:
        arguments: An `Arguments` with `codebooks_only`.
        say, progress, verbose: As `compress_folder` takes them.

    Returns:
        A line that says what was written.

    Raises:
        BadInputError: If an argument is wrong.
        VectorFileError: If the file is.
    """
    output, _, table = _start(arguments, say, progress)
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
    progress: ReadProgress = None,
    verbose: int = 0,
) -> str:
    """Finds the codes of a shard of a file of vectors and writes its folder.

    A run that was stopped goes on when it is called again.

    Args:
        arguments: An `Arguments` with `shard` and `codebooks`.
        say, progress, verbose: As `compress_folder` takes them.

    Returns:
        A line that says what was written.

    Raises:
        BadInputError: If an argument is wrong.
        VectorFileError: If the file is.
    """
    began = time.perf_counter()
    output, codebooks, table = _start(arguments, say, progress)
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


def _start(
    arguments: Arguments, say: Say, progress: ReadProgress
) -> tuple[Path, Codebooks | None, WordVectors]:
    """Checks what was asked for and opens the table; says what it is."""
    codebooks = check_arguments(arguments)
    output = check_output(arguments.folder, arguments.force)
    check_writable(output)
    table = open_vectors(
        arguments.vectors,
        arguments.duplicates,
        progress,
        rows=lambda N: rows_of_shard(arguments, N),
    )
    N, d = table.vectors.shape
    check_fit(arguments, codebooks, N, d)
    for line in found_lines(table):
        say(line)
    return output, codebooks, table


def found_lines(table: WordVectors) -> list[str]:
    """Says what was read, and what a person should know of it."""
    N, d = table.vectors.shape
    lines = [f"Found {N:,} symbols x {d} in {table.format}"]
    if table.dropped:
        lines.append(
            f"Left out {table.dropped:,} rows of words that had come before"
        )
    return lines + [f"Note: {note}" for note in table.notes]


def _learn(arguments: Arguments, table: WordVectors, verbose: int) -> Any:
    from kd_keras.learning.learn_codes import learn_codes

    given = arguments.settings | {"verbose": verbose}
    return as_bad_input(lambda: learn_codes(table.vectors, **given))
