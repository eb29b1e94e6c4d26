"""The work of `kd-keras merge`: from the folders of shards to one result."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.commands.arguments import Arguments
from kd_keras.commands.compress_folder import found_lines
from kd_keras.commands.early_checks import check_start, check_tokens
from kd_keras.commands.table_codes import start_keras
from kd_keras.commands.write_result import write_result
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.folders.output_folder import reserved
from kd_keras.folders.shard_folder import Shard, check_shards, read_shard
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.progress_bar import Say
from kd_keras.vectors.open_file import ReadProgress, check_regular
from kd_keras.vectors.read_vectors import open_vectors
from kd_keras.vectors.stored_table import table_identity


@dataclasses.dataclass(frozen=True)
class MergeArguments:
    """The arguments of `kd-keras merge`.

    Attributes:
        shards: tuple of str. The folders of all shards of one table, in any
            order.
        vectors: str or None. The file of the table; None for the path recorded
            in the shards.
        words: str or None. The file of the words; None for what is recorded in
            the shards.
        output, force, litert: As in `Arguments`.
    """

    shards: tuple[str, ...]
    vectors: str | None = None
    words: str | None = None
    output: str | None = None
    force: bool = False
    litert: str | None = None


def merge_shards(
    merged: MergeArguments,
    say: Say = lambda line: None,
    progress: ReadProgress | None = None,
) -> dict[str, Any]:
    """Writes the folder of a table whose codes were found in shards.

    It is the folder that a single run of `compress_folder` would have written.

    Args:
        merged: `MergeArguments`.
        say, progress: As in `compress_folder`.

    Returns:
        dict. The report, as stored in `report.json`.

    Raises:
        BadInputError: If a shard is missing, given twice or from another
            table, or an argument is invalid.
        VectorFileError: If the file of the table is invalid.
    """
    began = time.perf_counter()
    if merged.litert is not None:
        need_litert()
    check_start(merged.output, merged.litert)
    shards = check_shards([read_shard(folder) for folder in merged.shards])
    arguments = _arguments(merged, shards[0])
    reads = (*merged.shards, arguments.vectors, arguments.words)
    with reserved(arguments.folder, arguments.force, reads) as output:
        return _merge(output, arguments, merged, shards, say, progress, began)


def _merge(
    output: Path,
    arguments: Arguments,
    merged: MergeArguments,
    shards: list[Shard],
    say: Say,
    progress: ReadProgress | None,
    began: float,
) -> dict[str, Any]:
    """Reads the codes and the table, and writes the result."""
    codes = np.concatenate([shard.codes() for shard in shards])
    if not Path(arguments.vectors).exists() and merged.vectors is None:
        raise BadInputError(
            "The table must be where it was for the shards; if it was moved, "
            f"use --vectors. Received: no file {arguments.vectors}"
        )
    check_regular(arguments.vectors)
    table = open_vectors(
        arguments.vectors,
        arguments.duplicates,
        progress,
        words=arguments.words,
        tensor=arguments.tensor,
    )
    if table_identity(table.vectors) != shards[0].table:
        N, d = table.vectors.shape
        raise BadInputError(
            "The table must be the one that the shards are from, "
            f"{shards[0].table['N']} x {shards[0].table['d']}. Received: "
            f"{arguments.vectors}, a different table of {N} x {d}"
        )
    if merged.litert is not None:
        check_tokens(table.words or (), arguments.vectors)
    for line in found_lines(table):
        say(line)
    read = time.perf_counter()
    say("Starting Keras")
    start_keras()
    from kd_keras.folders.embedding_file import load_embedding
    from kd_keras.learning.grow_embedding import with_codes

    first = Path(shards[0].folder, "embedding.keras")
    embedding = with_codes(load_embedding(first), codes)
    codebooks = shards[0].codebooks
    learned = {"learned_rows": codebooks.learned_rows, "shards": len(shards)}
    took = codebooks.seconds + sum(shard.seconds for shard in shards)
    seconds = {"read": read - began, "learn": took}
    return write_result(
        output, arguments, table, embedding, say, learned, seconds
    )


def _arguments(merged: MergeArguments, shard: Shard) -> Arguments:
    """Makes the arguments of a single run that writes the same folder."""
    return Arguments(
        merged.vectors or shard.vectors,
        **shard.codebooks.settings,
        duplicates=shard.duplicates,
        words=shard.words if merged.words is None else merged.words,
        tensor=shard.tensor,
        output=merged.output,
        force=merged.force,
        litert=merged.litert,
        codebooks=shard.codebooks_folder,
    )
