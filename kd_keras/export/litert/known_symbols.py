"""The symbols that an exported file knows: words, ids and unknown ids."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kd_keras.export.litert.archive import VOCABULARY
from kd_keras.utils.checks import is_integer, short_repr

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


class KnownSymbols:
    """The symbols of a file, by the inputs or layers that they are for.

    Args:
        configuration: dict. The configuration in the file.
        texts: dict from the names of text files to lists of str.

    Attributes:
        vocabulary, vocabularies: See `LiteRTModel`.
    """

    def __init__(
        self, configuration: dict[str, Any], texts: dict[str, list[str]]
    ) -> None:
        self.vocabulary: list[str] | None = texts.get(VOCABULARY)
        self.vocabularies: dict[str, list[str]] = {}
        self._symbols: dict[str, _Symbols] = {}
        inputs = configuration.get("inputs", {})
        for name, one in inputs.items():
            words = None
            if one["vocabulary"] is not None:
                words = self.vocabularies[name] = texts[one["vocabulary"]]
            self._symbols[name] = _Symbols(one["N"], one["unknown_id"], words)
        unknown_id = configuration["unknown_id"]
        if not inputs or self.vocabulary or unknown_id is not None:
            coded = configuration["embeddings"]
            inputs_first = [x for x in coded if x.get("layer") != "logits"]
            first = [*inputs_first, *configuration.get("tables", []), *coded][0]
            whole = _Symbols(first["N"], unknown_id, self.vocabulary)
            self._symbols[_WHOLE] = whole
        if not inputs and self.vocabulary is not None:
            given = configuration["signatures"].values()
            for name in ("token_ids", "token_id"):
                if any(name in shapes for shapes in given):
                    self.vocabularies[name] = self.vocabulary

    def id_of(self, word: str, name: str | None = None) -> int:
        """Returns the id of a word; see `LiteRTModel.id_of`."""
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
        """Turns words or ids into ids; see `LiteRTModel.ids_of`."""
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
