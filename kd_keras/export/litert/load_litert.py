"""Loads exported files and runs them as a device would."""

import os
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_keras.export.litert.archive import VOCABULARY
from kd_keras.utils.checks import (
    MAX_INT32,
    check_integer,
    is_integer,
    short_repr,
)
from kd_keras.utils.errors import BadInputError

if TYPE_CHECKING:
    from kd_keras.export.litert.litert_runtimes import InterpreterRuntime


_WHOLE = ""  # what is for the whole file has no name


class _Symbols:
    """The symbols that an input may contain."""

    def __init__(
        self, size: int, unknown_id: int | None, words: list[str] | None
    ) -> None:
        self.size = size
        self.unknown_id = unknown_id
        self.ids: dict[str, int] | None = None
        if words is not None:
            self.ids = {word: i for i, word in enumerate(words)}


class LiteRTModel:
    """A `.tflite` file that `export_litert` wrote, run by LiteRT.

    Several threads may use one, and take turns; for more speed, load the file
    once in each thread.

    Args:
        runtime: `InterpreterRuntime` of the file.
        configuration: dict. The configuration in the file.
        vocabularies: dict from the names of text files to lists of str.

    Attributes:
        configuration: dict of JSON types. The file's description of itself.
        vocabulary: list of str, the symbols by id, or None. None too if the
            file has vocabularies by name.
        vocabularies: dict of lists of str: the vocabulary of each input of
            ids, by the input's name, or by the layer's if an input is ids of
            different embeddings. The only vocabulary of a file is under each
            input that it is for.
    """

    def __init__(
        self,
        runtime: "InterpreterRuntime",
        configuration: dict[str, Any],
        vocabularies: dict[str, list[str]],
    ) -> None:
        self._runtime = runtime
        self.configuration: dict[str, Any] = configuration
        self.vocabulary: list[str] | None = vocabularies.get(VOCABULARY)
        self.vocabularies: dict[str, list[str]] = {}
        self._symbols: dict[str, _Symbols] = {}
        inputs = configuration.get("inputs", {})
        for name, one in inputs.items():
            words = None
            if one["vocabulary"] is not None:
                words = self.vocabularies[name] = vocabularies[
                    one["vocabulary"]
                ]
            self._symbols[name] = _Symbols(one["N"], one["unknown_id"], words)
        unknown_id = configuration["unknown_id"]
        if not inputs or self.vocabulary or unknown_id is not None:
            first = (configuration["embeddings"] or configuration["tables"])[0]
            whole = _Symbols(first["N"], unknown_id, self.vocabulary)
            self._symbols[_WHOLE] = whole
        if not inputs and self.vocabulary is not None:
            given = configuration["signatures"].values()
            for name in ("token_ids", "token_id"):
                if any(name in shapes for shapes in given):
                    self.vocabularies[name] = self.vocabulary

    def run(self, signature: str, **inputs: Any) -> dict[str, Any]:
        """Calls a function of the file.

        Args:
            signature: str. Its name; see `export_litert`.
            **inputs: arrays or nested lists, by name. Integers are accepted
                for floats, but not floats for integers.

        Returns:
            dict of arrays, by name.

        Raises:
            ValueError: If there is no such function, or if the names, types
                or shapes of its inputs differ.
            RuntimeError: If an id is out of range and the file has no
                `unknown_id`.
        """
        functions = self.configuration["signatures"]
        if not isinstance(signature, str) or signature not in functions:
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
        types = self._runtime.input_types(signature)
        arrays = {
            name: _cast(name, value, types[name], functions[signature][name])
            for name, value in inputs.items()
        }
        return self._runtime.run(signature, arrays)

    def id_of(self, word: str, name: str | None = None) -> int:
        """Returns the id of a word, or `unknown_id` for an unknown word.

        Args:
            word: str.
            name: str or None. A key of `vocabularies`, if there are several.

        Returns:
            int.

        Raises:
            ValueError: If the file has no such vocabulary, or if the word is
                not in it and it has no `unknown_id`.
        """
        symbols = self._symbols_of(name)
        if symbols.ids is None:
            raise ValueError(
                "This file has no vocabulary: pass ids instead of words. "
                f"Received: the word {word!r}"
            )
        found = symbols.unknown_id
        if isinstance(word, str):
            found = symbols.ids.get(word, found)
        if found is None:
            raise ValueError(
                "A word must be in the vocabulary, since the file has no "
                f"unknown_id. Received: {word!r}"
            )
        return found

    def ids_of(
        self, symbols: Sequence[Any], name: str | None = None
    ) -> np.ndarray:
        """Turns words or ids into ids.

        Args:
            symbols: list of n str or int. Words or ids.
            name: str or None. The input that they are for, or whatever
                `export_litert` got a vocabulary or unknown id for; None if it
                got one for the whole file.

        Returns:
            Array of int32, shape `(n,)`.

        Raises:
            ValueError: If a symbol is unknown and there is no `unknown_id`
                for it, or if there is no such name.
        """
        if hasattr(symbols, "__array__"):
            symbols = np.asarray(symbols).tolist()
        # A string would be read letter by letter.
        is_list = isinstance(symbols, Iterable) and not isinstance(
            symbols, str | bytes
        )
        given: list[Any] = list(symbols) if is_list else [None]
        if not all(isinstance(s, str) or is_integer(s) for s in given):
            raise ValueError(
                "Symbols must be a list of words and integer ids. "
                f"Received: {short_repr(symbols)}"
            )
        ids = [
            self.id_of(s, name) if isinstance(s, str) else int(s) for s in given
        ]
        known = self._symbols_of(name)
        wrong = [i for i in ids if not 0 <= i < known.size]
        if wrong and known.unknown_id is None:
            raise ValueError(
                f"An id must be from 0 to {known.size - 1}, since the file has "
                f"no unknown_id. Received: {wrong[0]}"
            )
        # Here, not in the graph: an id may need more than 32 bits.
        checked = [i if 0 <= i < known.size else known.unknown_id for i in ids]
        return np.array(checked, np.int32)

    def _symbols_of(self, name: str | None) -> "_Symbols":
        if name is None and len(self._symbols) == 1:
            (found,) = self._symbols.values()
            return found
        wanted = _WHOLE if name is None else name
        if not isinstance(wanted, str) or wanted not in self._symbols:
            names = {**self._symbols, **self.vocabularies}
            names.pop(_WHOLE, None)
            raise ValueError(
                "`name` must be one of those that the file has symbols for, "
                f"{', '.join(names) or 'here only None'}. "
                f"Received: name={name!r}"
            )
        return self._symbols[wanted]

    def embed(self, symbols: Sequence[Any]) -> np.ndarray:
        """Returns the vectors of words or ids.

        Args:
            symbols: list of n str or int. Words or ids.

        Returns:
            Array of float32, shape `(n, d)`.

        Raises:
            ValueError: If the file is not an embedding, or if a symbol is
                unknown and the file has no `unknown_id`.
        """
        self._need("embedding", "embed")
        ids = self.ids_of(symbols)
        shape = self.configuration["signatures"]["serving_default"]["token_ids"]
        size = int(np.prod([s for s in shape if s is not None]))
        calls = -(-len(ids) // size)
        padded = np.zeros((calls, size), np.int32)
        padded.flat[: len(ids)] = ids
        if None in shape and calls:  # all of them in one call
            padded, first = padded.reshape(1, -1), shape.index(None)
            shape = [s or 1 for s in shape]
            shape[first] = calls
        described = self.configuration["embeddings"]
        d = (described or self.configuration["tables"])[0]["d"]
        vectors = [np.zeros((0, d), "f")]
        vectors += [self._vectors(row.reshape(shape)) for row in padded]
        return np.concatenate(vectors)[: len(ids)]

    def _vectors(self, ids: np.ndarray) -> np.ndarray:
        vectors = self.run("serving_default", token_ids=ids)["embeddings"]
        return vectors.reshape(-1, vectors.shape[-1])

    def start(self) -> dict[str, np.ndarray]:
        """Returns the states of a language model before any text.

        Returns:
            dict of arrays of float32, by name.

        Raises:
            ValueError: If the file is not a language model.
        """
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
        """Reads the next token of a text.

        Args:
            symbol: str or int. A word or an id.
            states: dict of arrays. The states that `start` or the previous
                step returned.

        Returns:
            `(logits, states)`: the logits of the token that follows, array of
            float32, shape `(N,)`, and the states after this token.

        Raises:
            ValueError: If the states do not fit the file, or if the symbol is
                unknown and the file has no `unknown_id`.
        """
        if not isinstance(states, dict):
            raise ValueError(
                "`states` must be the states that `start` or the previous "
                f"step returned. Received: {short_repr(states)}"
            )
        after = self.run("stream", token_id=self.ids_of([symbol]), **states)
        return after["logits"][0], {name: after[name] for name in states}

    def next_words(
        self, symbols: Sequence[Any], count: int = 5
    ) -> list[tuple[str, float]]:
        """Returns the words that most likely follow a text.

        Args:
            symbols: list of str or int. Words or ids, at least one.
            count: int, at least 1. Number of words to return.

        Returns:
            list of `(word, probability)`, the likeliest first. Without a
            vocabulary, the words are the ids as str.

        Raises:
            ValueError: If the file is not a language model, `count` is not a
                positive integer, or the text is empty or has an unknown word.
        """
        states = self.start()
        count = check_integer("`count`", count)
        ids = self.ids_of(symbols)
        if not len(ids):
            raise ValueError(
                "A text must have at least one word. Received: no symbols"
            )
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


def _cast(
    name: str, value: Any, dtype: Any, shape: Sequence[int | None]
) -> np.ndarray:
    """Converts a value to an array of the dtype and shape of an input."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    kinds = {"i": "iu", "f": "iuf", "b": "b"}[np.dtype(dtype).kind]
    is_right = array.dtype.kind in kinds or not array.size
    if array.dtype.kind in "iu" and array.size and np.dtype(dtype).kind == "i":
        limits = np.iinfo(dtype)
        is_right = limits.min <= array.min() and array.max() <= limits.max
    fits = len(shape) == array.ndim and all(
        size in (None, found)
        for size, found in zip(shape, array.shape, strict=True)
    )
    if not is_right or not fits:
        wanted = ", ".join("any" if s is None else str(s) for s in shape)
        raise ValueError(
            f"`{name}` must be {np.dtype(dtype).name} of shape ({wanted}). "
            f"Received: {short_repr(value)}"
        )
    return array.astype(dtype)


def load_litert(
    path: str | os.PathLike[str], num_threads: int = 1
) -> LiteRTModel:
    """Loads a `.tflite` file that `export_litert` wrote.

    Args:
        path: path of the file.
        num_threads: int, at least 1. Number of threads that LiteRT may use.

    Returns:
        A `LiteRTModel`.

    Raises:
        ValueError: If there is no such file, or if it is damaged or was not
            exported by this package (`kd_keras.BadInputError`).

    Example:

    >>> import kd_keras
    >>> embedding = kd_keras.KDEmbedding(3, 8, K=4, D=2)
    >>> embedding.build()
    >>> words = ["the", "cat", "sat"]
    >>> _ = kd_keras.export_litert(embedding, "small.tflite", words)
    >>> print(kd_keras.load_litert("small.tflite").embed(["cat"]).shape)
    (1, 8)
    """
    from kd_keras.export.litert import check_configuration
    from kd_keras.export.litert.archive import MAGIC, read_archive, read_file
    from kd_keras.export.litert.litert_runtimes import InterpreterRuntime
    from kd_keras.export.litert.quiet_litert import need_litert, quiet_litert
    from kd_keras.export.litert.verify_flatbuffer import verify_flatbuffer

    need_litert()
    num_threads = check_integer("`num_threads`", num_threads, high=MAX_INT32)
    content = read_file(path)
    if content[4:8] != MAGIC:
        raise BadInputError(
            f"{path} is not a .tflite file: it does not begin as one"
        )
    configuration, vocabularies, _ = read_archive(content, path)
    if configuration is None:
        raise BadInputError(
            f"{path} is not a file that export_litert wrote, or its end is "
            "missing: it contains no kd_keras.json"
        )
    if not check_configuration.fits(configuration, vocabularies):
        raise BadInputError(
            f"{path} is damaged: its kd_keras.json does not describe a file "
            "that export_litert wrote"
        )
    try:
        verify_flatbuffer(content)
        with quiet_litert():
            runtime = InterpreterRuntime(os.fspath(path), num_threads)
    except (RuntimeError, ValueError, struct.error) as error:
        raise BadInputError(
            f"{path} is damaged: {' '.join(str(error).split())[:200]}"
        ) from None
    try:
        return LiteRTModel(runtime, configuration, vocabularies)
    except (AttributeError, IndexError, KeyError, TypeError):
        raise BadInputError(
            f"{path} is damaged: its parts do not fit together"
        ) from None
