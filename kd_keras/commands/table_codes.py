"""Code embeddings of a table, and the codes of its rows, from folders."""

import dataclasses
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_keras.codes.packing import pack_codes
from kd_keras.commands.arguments import Arguments
from kd_keras.folders.codebooks_folder import (
    Codebooks,
    read_codebooks,
    write_codebooks,
)
from kd_keras.folders.description_file import write_description
from kd_keras.folders.output_folder import new_folder
from kd_keras.folders.shard_folder import Shard
from kd_keras.folders.unfinished_run import UnfinishedRun
from kd_keras.search import shards
from kd_keras.search.shards import encoded_blocks
from kd_keras.utils.errors import as_bad_input
from kd_keras.utils.progress_bar import progress_bar
from kd_keras.utils.quiet_start import quiet_start
from kd_keras.vectors.files import WordVectors
from kd_keras.vectors.stored_table import table_identity
from kd_keras.version import __version__

if TYPE_CHECKING:
    from kd_keras.layers.kd_embedding import KDEmbedding

Say = Callable[[str], object]


def start_keras() -> None:
    """Imports Keras and starts its devices, which write lines of their own."""
    with quiet_start():
        import keras

        keras.ops.zeros(1)

        import kd_keras.learning.learn_codes  # noqa: F401


def learn_to_folder(
    arguments: Arguments,
    table: WordVectors,
    folder: Path,
    verbose: int,
    begin: Callable[[], object] = lambda: None,
) -> Codebooks:
    """Learns code embeddings of a table and writes them into a folder.

    Args:
        arguments: An `Arguments`.
        table: What they are learned from.
        folder: The folder to be. It appears complete or not at all.
        verbose: As in `learn_codes`.
        begin: Called before anything is written.

    Returns:
        The `Codebooks`.
    """
    from kd_keras.learning.learn_codes import learn_codebooks

    began = time.perf_counter()
    given = arguments.settings | {"verbose": verbose}
    embedding = as_bad_input(lambda: learn_codebooks(table.vectors, **given))
    begin()
    with new_folder(folder, arguments.force) as temporary:
        return write_codebooks(
            temporary,
            embedding,
            arguments.settings,
            table_identity(table.vectors),
            time.perf_counter() - began,
        )


class TableCodes:
    """Finds codes of a table's rows; what it has found survives a stop.

    Args:
        arguments: An `Arguments`.
        codebooks: The `Codebooks` in `arguments.codebooks`; None to learn
            them, beside the output.
        table: The table.
        output: The folder that the codes are for.

    Attributes:
        codebooks: The `Codebooks`, after `find`.
        codebooks_folder: Where they are.
        identity: What `table_identity` tells of the table.

    Raises:
        BadInputError: If a run for this output was stopped that had other
            settings.
    """

    def __init__(
        self,
        arguments: Arguments,
        codebooks: Codebooks | None,
        table: WordVectors,
        output: Path,
    ):
        self._arguments = arguments
        self._table = table
        self.identity = table_identity(table.vectors)
        self.codebooks = codebooks
        self._run = UnfinishedRun(output, self._settings(codebooks))
        named = arguments.codebooks
        self.codebooks_folder = Path(named or self._run.folder / "codebooks")

    def _settings(self, codebooks: Codebooks | None) -> dict[str, Any]:
        return {
            **self._arguments.settings,
            "shard": self._arguments.shard,
            "codebooks": codebooks and codebooks.sha256,
            "table": self.identity,
            "block": shards.ENCODED_ROWS,
            "kd_keras": __version__,
        }

    def find(
        self, rows: slice, say: Say, verbose: int
    ) -> tuple["KDEmbedding", np.ndarray]:
        """Finds the codes of rows, after those found by a run that stopped.

        Args:
            rows: slice, from a multiple of a block's rows on.
            say: Called with a line at the start of each step.
            verbose: As in `learn_codes`.

        Returns:
            The codebooks' `KDEmbedding`, and codes `(rows, D)`.
        """
        if self.codebooks is None:
            self._learn(verbose)
        assert self.codebooks is not None
        with quiet_start():
            from kd_keras.folders.embedding_file import load_embedding
            from kd_keras.layers.compositions.code_search import encode

            path = self.codebooks_folder / "embedding.keras"
            embedding = load_embedding(path)
        if self.codebooks.hold_codes_of(self.identity):
            return embedding, embedding.codes[rows]
        blocks, done = encoded_blocks(rows.stop - rows.start), self._run.count()
        say(
            f"Encoding {rows.stop - rows.start:,} rows in {blocks:,} blocks"
            + (f", {done:,} of them found before" if done else "")
            + f"; if stopped, the same command goes on ({self._run.folder})"
        )
        with progress_bar("Encoding", verbose) as progress:
            codes = encode(
                embedding,
                self._table.vectors,
                self.codebooks.seed,
                self.codebooks.effort,
                rows=rows,
                kept=self._run,
                progress=progress,
            )
        return embedding, codes

    def _learn(self, verbose: int) -> None:
        if not self.codebooks_folder.exists():
            given = (self._arguments, self._table, self.codebooks_folder)
            self.codebooks = learn_to_folder(*given, verbose, self._run.begin)
        else:
            self.codebooks = read_codebooks(self.codebooks_folder)

    def remove(self) -> None:
        """Removes what was kept for a stop, once the output is there."""
        self._run.remove()


def write_shard(
    folder: Path,
    arguments: Arguments,
    found: "TableCodes",
    rows: slice,
    codes: np.ndarray,
    seconds: float,
) -> None:
    """Writes the codes of a shard into an empty folder."""
    assert found.codebooks is not None and arguments.shard is not None
    packed = pack_codes(codes, arguments.K)
    N, D, K = len(codes), arguments.D, arguments.K
    np.savez(folder / "codes.npz", codes=packed, N=N, D=D, K=K)
    shutil.copyfile(
        found.codebooks_folder / "embedding.keras", folder / "embedding.keras"
    )
    i, n = map(int, arguments.shard.split("/"))
    shard = Shard(
        folder="",
        i=i,
        n=n,
        rows=(rows.start, rows.stop),
        block=shards.ENCODED_ROWS,
        table=found.identity,
        codebooks=found.codebooks,
        vectors=arguments.vectors,
        duplicates=arguments.duplicates,
        codebooks_folder=str(arguments.codebooks),
        seconds=round(seconds, 2),
    )
    write_description(folder / "shard.json", dataclasses.asdict(shard))
