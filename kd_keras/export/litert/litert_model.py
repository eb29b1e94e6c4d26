"""An exported file, run as a device would run it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_keras.export.litert.known_symbols import KnownSymbols
from kd_keras.utils.checks import check_integer, short_repr
from kd_keras.utils.row_blocks import row_blocks

if TYPE_CHECKING:
    from kd_keras.export.litert.litert_runtimes import InterpreterRuntime

# Numbers that a call of `embed` gathers for its symbols, about: 64 MB.
FLOATS_OF_A_CALL = 1 << 24


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
        self._known = KnownSymbols(configuration, vocabularies)
        self.vocabulary = self._known.vocabulary
        self.vocabularies = self._known.vocabularies

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
        return self._known.id_of(word, name)

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
        return self._known.ids_of(symbols, name)

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
        described = self.configuration["embeddings"]
        table = (described or self.configuration["tables"])[0]
        size = int(np.prod([s for s in shape if s is not None]))
        padded = np.zeros((-(-len(ids) // size), size), np.int32)
        padded.flat[: len(ids)] = ids
        at_a_time = 1
        if None in shape:  # as many as fit into memory
            per_id = table["d"]
            if described:
                per_id = max(per_id, table["D"] * table["code_dim"])
            at_a_time = max(1, FLOATS_OF_A_CALL // (size * per_id))
            first = shape.index(None)
            shape = [s or 1 for s in shape]
            shape[first] = -1
        vectors = [np.zeros((0, table["d"]), "f")]
        for rows in row_blocks(len(padded), at_a_time):
            vectors.append(self._vectors(padded[rows].reshape(shape)))
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
