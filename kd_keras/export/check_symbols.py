"""Checks of a vocabulary and of an unknown id."""

from collections.abc import Iterable, Mapping
from typing import Any

from kd_keras.export.size.coded_model import CodedModel
from kd_keras.utils.checks import is_integer, short_repr


def symbol_count(layer: Any) -> int:
    """Returns the number of symbols of a coded layer or `Embedding`."""
    return int(getattr(layer, "symbols", None) or layer.input_dim)


def check_symbols(coded: CodedModel, vocabulary: Any, unknown_id: Any) -> Any:
    """Checks a vocabulary and an unknown id as far as that needs no names.

    It is done before the model is called; names need its signatures.

    Args:
        coded: `CodedModel`.
        vocabulary, unknown_id: Any objects, as the caller of an export passed
            them.

    Returns:
        list of str, dict of such lists, or None: the vocabulary.

    Raises:
        ValueError: If they are wrong.
    """
    sizes = [symbol_count(layer) for layer in coded.embeddings]
    if not isinstance(unknown_id, Mapping):
        check_unknown_id(unknown_id, min(sizes))
    if vocabulary is None:
        return None
    if isinstance(vocabulary, Mapping):
        return {
            name: words
            if words is None
            else _checked(words, f"`vocabulary` of {short_repr(name)}")
            for name, words in vocabulary.items()
        }
    words = _checked(vocabulary, "`vocabulary`")
    if len(set(sizes)) == 1:
        check_length(words, sizes[0])
    else:
        said = ", ".join(
            f"{layer.name} ({symbol_count(layer):,} symbols)"
            for layer in coded.embeddings
        )
        raise ValueError(
            "One `vocabulary` must fit every embedding: pass a dict of lists "
            "by the names of inputs or layers. Received: "
            f"{len(words):,} strings for {said}"
        )
    return words


def check_length(
    words: list[str], size: int, name: str = "`vocabulary`"
) -> list[str]:
    """Checks that a vocabulary has one string for each symbol."""
    if len(words) != size:
        raise ValueError(
            f"{name} must have one string for each of the {size:,} "
            f"symbols. Received: {len(words):,} strings"
        )
    return words


def _checked(vocabulary: Any, name: str) -> list[str]:
    # Sets have no order, and a string would be read letter by letter.
    if not isinstance(vocabulary, Iterable) or isinstance(
        vocabulary, (str, bytes, Mapping, set, frozenset)
    ):
        raise ValueError(
            f"{name} must be a list of strings, one per symbol. "
            f"Received: {short_repr(vocabulary)}"
        )
    words = list(vocabulary)
    seen: set[str] = set()
    for i, word in enumerate(words):
        if not isinstance(word, str) or not _is_line(word):
            raise ValueError(
                f"{name} must contain strings without line breaks, valid "
                f"in UTF-8. Received: {short_repr(word)} for id {i}"
            )
        if word in seen:
            raise ValueError(
                f"{name} must not contain a string twice. Received: "
                f"{word!r} for id {i} and an earlier id"
            )
        seen.add(word)
    return words


def check_unknown_id(
    unknown_id: Any, size: int, name: str = "`unknown_id`"
) -> int | None:
    """Checks that an unknown id is the id of a symbol.

    Args:
        unknown_id: Any object, as the caller of an export passed it.
        size: int. The number of symbols.
        name: str. What to call it in an error.

    Returns:
        int or None.

    Raises:
        ValueError: If it is not.
    """
    if unknown_id is None:
        return None
    if not is_integer(unknown_id) or not 0 <= unknown_id < size:
        raise ValueError(
            f"{name} must be None or an id, 0 to {size - 1}. "
            f"Received: unknown_id={short_repr(unknown_id)}"
        )
    return int(unknown_id)


def _is_line(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:  # a lone half of a UTF-16 pair
        return False
    return "\n" not in word and "\r" not in word
