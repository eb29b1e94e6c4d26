"""Finds the code embeddings of a table and the codes of its rows."""

import contextlib
import dataclasses
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_keras.commands.arguments import Arguments
from kd_keras.commands.early_checks import import_keras
from kd_keras.folders.codebooks_folder import (
    Codebooks,
    read_codebooks,
    write_codebooks,
)
from kd_keras.folders.codes_file import write_codes
from kd_keras.folders.description_file import write_description
from kd_keras.folders.output_folder import new_folder
from kd_keras.folders.shard_folder import Shard
from kd_keras.folders.unfinished_run import UnfinishedRun
from kd_keras.search import shards
from kd_keras.search.learning_sample import is_large
from kd_keras.search.shards import encoded_blocks
from kd_keras.utils.errors import as_bad_input
from kd_keras.utils.full_disk import is_full_disk
from kd_keras.utils.progress_bar import Say, progress_bar
from kd_keras.utils.quiet_start import quiet_start
from kd_keras.vectors.stored_table import table_identity
from kd_keras.vectors.word_vectors import WordVectors
from kd_keras.version import __version__

if TYPE_CHECKING:
    from kd_keras.layers.kd_embedding import KDEmbedding


def start_keras() -> None:
    """Imports Keras and starts its devices without their log lines.

    Results are in float32, whatever the `floatx` of keras.json.

    Raises:
        BadInputError: If Keras cannot start.
    """
    with quiet_start():
        import_keras()
        import keras

        keras.config.set_floatx("float32")
        keras.ops.zeros(1)

        import kd_keras.learning.learn_codes  # noqa: F401


def learn_to_folder(
    arguments: Arguments,
    table: WordVectors,
    folder: Path,
    verbose: int,
    begin: Callable[[], object] = lambda: None,
) -> Codebooks:
    """Learns code embeddings for a table and writes them to a folder.

    Args:
        arguments: `Arguments`.
        table: `WordVectors`. The table to learn from.
        folder: path. The folder to write; it appears complete or not at all.
        verbose: int. As in `learn_codes`.
        begin: callable. Called before anything is written.

    Returns:
        `Codebooks`.
    """
    from kd_keras.learning.learn_codes import learn_codebooks

    began = time.perf_counter()
    given = arguments.settings | arguments.tier_options
    given |= {"verbose": verbose, "weights": table.weights}
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
    """Finds the codes of a table's rows and can resume after an interruption.

    Args:
        arguments: `Arguments`.
        codebooks: `Codebooks` or None. The codebooks in `arguments.codebooks`;
            None to learn them, in a folder beside the output.
        table: `WordVectors`.
        output: path. The folder that the codes are for.

    Attributes:
        codebooks: `Codebooks`, set by `find` if None was given.
        codebooks_folder: path. The folder with the codebooks.
        identity: dict. The result of `table_identity` for the table.

    Raises:
        BadInputError: If there is an unfinished run for this output with other
            settings.
    """

    def __init__(
        self,
        arguments: Arguments,
        codebooks: Codebooks | None,
        table: WordVectors,
        output: Path,
    ) -> None:
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
            "weights": _digest(self._table.weights),
            "tiers": self._arguments.tiers,
            "block": shards.ENCODED_ROWS,
            "kd_keras": __version__,
        }

    def find(
        self, rows: slice, say: Say, verbose: int
    ) -> tuple["KDEmbedding", np.ndarray]:
        """Finds the codes of rows, except those an interrupted run has found.

        Args:
            rows: slice. Starts at a multiple of the rows per block.
            say: callable. Called with a line of text at the start of each step.
            verbose: int. As in `learn_codes`.

        Returns:
            `(embedding, codes)`: the `KDEmbedding` of the codebooks, and an
            array of int, shape `(rows, D)`.
        """
        if self.codebooks is None:
            self._learn(verbose)
        assert self.codebooks is not None
        with quiet_start():
            from kd_keras.folders.embedding_file import load_embedding
            from kd_keras.layers.compositions.code_search import encode
            from kd_keras.learning.code_lengths import code_lengths

            path = self.codebooks_folder / "embedding.keras"
            embedding = load_embedding(path)
        if self.codebooks.hold_codes_of(self.identity):
            return embedding, embedding.codes[rows]
        blocks, done = encoded_blocks(rows.stop - rows.start), self._run.count()
        say(
            f"Encoding {rows.stop - rows.start:,} rows in {blocks:,} blocks"
            + (f", {done:,} of them already done" if done else "")
            + f"; if stopped, the same command resumes ({self._run.folder})"
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
                lengths=code_lengths(
                    self.codebooks.K,
                    **self._arguments.tier_options,
                    N=len(self._table.vectors),
                    weights=self._table.weights,
                ),
            )
        return embedding, codes

    def learn_whole(
        self, learn: Callable[[], "KDEmbedding"], say: Say
    ) -> "KDEmbedding":
        """Learns a table that is learned whole, and keeps the result.

        Args:
            learn: callable. Learns and returns the `KDEmbedding`. It is not
                called if an earlier run has kept its result.
            say: callable. Called with a line of text if there is one.

        Returns:
            `KDEmbedding`, built, with the codes of all rows.
        """
        if self.codebooks_folder.exists():
            from kd_keras.folders.embedding_file import load_embedding

            self.codebooks = read_codebooks(self.codebooks_folder)
            say(f"Using the codes that an earlier run learned ({self._kept})")
            return load_embedding(self.codebooks_folder / "embedding.keras")
        began = time.perf_counter()
        embedding = learn()
        seconds = time.perf_counter() - began
        with self.kept_on_failure(lambda line: None):
            self._run.begin()
            with new_folder(self.codebooks_folder) as folder:
                settings = self._arguments.settings
                self.codebooks = write_codebooks(
                    folder, embedding, settings, self.identity, seconds
                )
        return embedding

    @contextlib.contextmanager
    def kept_on_failure(self, say: Say) -> Iterator[None]:
        """Says where the codes are if the body fails.

        The files for a resume stay, except those of a table that is learned
        whole if Ctrl-C was pressed or the disk is full.
        """
        try:
            yield
        except BaseException as error:
            is_stopped = isinstance(error, KeyboardInterrupt)
            if self._is_whole and (is_stopped or is_full_disk(error)):
                self._run.remove()
            elif self._kept.exists():
                say(
                    f"The codes are kept; the same command resumes "
                    f"({self._kept})"
                )
            raise

    @property
    def _kept(self) -> Path:
        return self._run.folder

    @property
    def _is_whole(self) -> bool:
        N = len(self._table.vectors)
        named = self._arguments.codebooks is not None
        return not named and not is_large(N, self._arguments.K)

    def _learn(self, verbose: int) -> None:
        if not self.codebooks_folder.exists():
            given = (self._arguments, self._table, self.codebooks_folder)
            self.codebooks = learn_to_folder(*given, verbose, self._run.begin)
        else:
            self.codebooks = read_codebooks(self.codebooks_folder)

    def remove(self) -> None:
        """Removes the files kept for a resume, once the output is complete."""
        self._run.remove()


def _digest(weights: np.ndarray | None) -> str | None:
    if weights is None:
        return None
    return hashlib.sha256(weights.tobytes()).hexdigest()


def write_shard(
    folder: Path,
    arguments: Arguments,
    found: "TableCodes",
    rows: slice,
    codes: np.ndarray,
    seconds: float,
) -> None:
    """Writes the codes of a shard to a folder.

    Args:
        folder: path. An empty folder.
        arguments: `Arguments` with `shard`.
        found: `TableCodes`, after `find`.
        rows: slice. The rows of the shard.
        codes: array of int, shape `(rows, D)`.
        seconds: float. Time that reading and encoding took.
    """
    assert found.codebooks is not None and arguments.shard is not None
    write_codes(folder / "codes.npz", codes, arguments.K)
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
        words=arguments.words,
        tensor=arguments.tensor,
        codebooks_folder=str(arguments.codebooks),
        seconds=round(seconds, 2),
    )
    write_description(folder / "shard.json", dataclasses.asdict(shard))
