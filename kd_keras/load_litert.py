"""Exported files loaded and used on this machine, as a phone would."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.bad_input import BadInputError


class LiteRTModel:
    """A `.tflite` file that `export_litert` wrote, run by LiteRT.

    Attributes:
        configuration: Dictionary: what the file says of itself.
        vocabulary: List of strings, the symbols by id, or None.
    """

    def __init__(self, runtime, configuration, vocabulary) -> None:
        self._runtime = runtime
        self.configuration: dict[str, Any] = configuration
        self.vocabulary: list[str] | None = vocabulary
        self._ids = {word: i for i, word in enumerate(vocabulary or [])}

    def run(self, signature: str, **inputs: Any) -> dict[str, Any]:
        """Calls a function of the file.

        Args:
            signature: Its name; see `export_litert`.
            **inputs: Arrays or nested lists by name; whole numbers are given
                as int32, others as float32.

        Returns:
            Dictionary of arrays.

        Raises:
            ValueError: If there is no such function or it has other inputs.
        """
        functions = self.configuration["signatures"]
        if signature not in functions:
            raise ValueError(
                f"The file's functions are {', '.join(functions)}. "
                f"Received: {signature!r}"
            )
        if set(inputs) != set(functions[signature]):
            raise ValueError(
                f"The inputs of {signature!r} are "
                f"{', '.join(functions[signature])}. "
                f"Received: {', '.join(inputs) or 'none'}"
            )
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        return self._runtime.run(
            signature,
            {
                name: value.astype("i4" if value.dtype.kind in "iu" else "f4")
                for name, value in arrays.items()
            },
        )

    def id_of(self, word: str) -> int:
        """Gives the id of a word; of an unknown one `unknown_id`.

        Raises:
            ValueError: If the file has no vocabulary, or the word is not in
                it and the file has no `unknown_id`.
        """
        if self.vocabulary is None:
            raise ValueError(
                "This file has no vocabulary: give ids. "
                f"Received: the word {word!r}"
            )
        found = self._ids.get(word, self.configuration["unknown_id"])
        if found is None:
            raise ValueError(
                "A word must be in the vocabulary, since the file names no "
                f"unknown_id. Received: {word!r}"
            )
        return found

    def ids_of(self, symbols: Sequence[Any]) -> np.ndarray:
        """Turns words or ids into ids, int32 `(n,)`.

        Raises:
            ValueError: If one of them is unknown.
        """
        if isinstance(symbols, str):  # would be read letter by letter
            raise ValueError(
                "Symbols must be a list of words and integer ids. Received: "
                f"the string {symbols!r}"
            )
        ids = [self.id_of(s) if isinstance(s, str) else s for s in symbols]
        array = np.asarray(ids)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise ValueError(
                "Symbols must be a list of words and integer ids. Received: "
                f"shape={array.shape}, dtype={array.dtype}"
            )
        N = self.configuration["embeddings"][0]["N"]
        wrong = (array < 0) | (array >= N)
        unknown_id = self.configuration["unknown_id"]
        if unknown_id is None and wrong.any():
            raise ValueError(
                f"An id must be of 0..{N - 1}, since the file names no "
                f"unknown_id. Received: {array[wrong][0]}"
            )
        # Here, not in the graph: an id may be beyond its 32 bits.
        return np.where(wrong, unknown_id or 0, array).astype(np.int32)

    def embed(self, symbols: Sequence[Any]) -> np.ndarray:
        """Gives the vectors of words or ids.

        Args:
            symbols: List of n words or ids.

        Returns:
            float32 `(n, d)`.

        Raises:
            ValueError: If the file is no embedding or a symbol is unknown.
        """
        self._need("embedding", "embed")
        ids = self.ids_of(symbols)
        shape = self.configuration["signatures"]["serving_default"]["token_ids"]
        if None in shape:
            filled = [
                len(ids) if i == len(shape) - 1 else 1
                for i in range(len(shape))
            ]
            return self._vectors(ids.reshape(filled))[: len(ids)]
        size = int(np.prod(shape))
        pieces = [np.zeros((0, self.configuration["embeddings"][0]["d"]), "f")]
        for begin in range(0, len(ids), size):
            piece = np.zeros(size, np.int32)
            piece[: len(ids) - begin] = ids[begin : begin + size]
            pieces.append(self._vectors(piece.reshape(shape)))
        return np.concatenate(pieces)[: len(ids)]

    def _vectors(self, ids):
        vectors = self.run("serving_default", token_ids=ids)["embeddings"]
        return vectors.reshape(-1, vectors.shape[-1])

    def start(self) -> dict[str, np.ndarray]:
        """Gives the states of a language model before any text."""
        self._need("language model", "start")
        shapes = self.configuration["signatures"]["stream"]
        return {
            name: np.zeros(shape, np.float32)
            for name, shape in shapes.items()
            if name != "token_id"
        }

    def step(
        self, symbol: str | int, states: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Reads one more token of a text.

        Args:
            symbol: Word or id.
            states: What `start` or the step before returned.

        Returns:
            `(logits, states)`: float32 `(N,)` of the next token, and the
            states after this one.
        """
        after = self.run("stream", token_id=self.ids_of([symbol]), **states)
        return after["logits"][0], {name: after[name] for name in states}

    def next_words(
        self, symbols: Sequence[Any], count: int = 5
    ) -> list[tuple[str, float]]:
        """Gives the words that most likely follow a text.

        Args:
            symbols: List of words or ids, at least one.
            count: How many words to give.

        Returns:
            List of `(word, probability)`, the likeliest first.

        Raises:
            ValueError: If the file is no language model, or the text is empty
                or has an unknown word.
        """
        states = self.start()
        ids = self.ids_of(symbols)
        if not len(ids):
            raise ValueError("A text needs a word. Received: no symbols")
        for token in ids:
            logits, states = self.step(int(token), states)
        odds = np.exp(logits - logits.max(), dtype=np.float64)
        best = np.argsort(-odds, kind="stable")[:count]
        names = self.vocabulary or [str(i) for i in range(len(odds))]
        return [(names[i], float(odds[i] / odds.sum())) for i in best]

    def _need(self, kind: str, what: str) -> None:
        if self.configuration["kind"] != kind:
            raise ValueError(
                f"`{what}` is for a file of kind {kind!r}. "
                f"Received: {self.configuration['kind']!r}; use `run`"
            )


def load_litert(
    path: str | os.PathLike[str], num_threads: int = 1
) -> LiteRTModel:
    """Loads a `.tflite` file that `export_litert` wrote.

    Args:
        path: The file.
        num_threads: Integer, threads that LiteRT may use.

    Returns:
        A `LiteRTModel`.

    Raises:
        ValueError: If there is no such file, it is damaged, or no export of
            this package (`kd_keras.bad_input.BadInputError`).

    Example:

    >>> import kd_keras
    >>> embedding = kd_keras.KDEmbedding(3, 8, K=4, D=2)
    >>> embedding.build()
    >>> words = ["the", "cat", "sat"]
    >>> _ = kd_keras.export_litert(embedding, "small.tflite", words)
    >>> print(kd_keras.load_litert("small.tflite").embed(["cat"]).shape)
    (1, 8)
    """
    from kd_keras.export.archive import MAGIC, read_archive
    from kd_keras.export.litert_runtimes import InterpreterRuntime
    from kd_keras.export.quiet_litert import need_litert, quiet_litert

    need_litert()
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be read: {error.strerror}"
        ) from None
    if content[4:8] != MAGIC:
        raise BadInputError(
            f"{path} is not a .tflite file: it does not begin as one"
        )
    configuration, vocabulary, _ = read_archive(content, path)
    if configuration is None:
        raise BadInputError(
            f"{path} is no file that export_litert wrote, or its end is "
            "missing: there is no kd_keras.json in it"
        )
    try:
        with quiet_litert():
            runtime = InterpreterRuntime(os.fspath(path), num_threads)
    except (RuntimeError, ValueError) as error:
        raise BadInputError(
            f"{path} is damaged: {' '.join(str(error).split())[:200]}"
        ) from None
    return LiteRTModel(runtime, configuration, vocabulary)
