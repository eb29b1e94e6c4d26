"""Checks of the configuration in a `.tflite` file, which may be damaged."""

from collections.abc import Mapping
from typing import Any

from kd_keras.utils.checks import MAX_INT32

KINDS = ("embedding", "language model", "model")
_OF_CODES = {"K", "D", "code_dim"}


def fits(
    configuration: dict[str, Any], vocabularies: Mapping[str, list[str]]
) -> bool:
    """Returns whether a configuration has all that `LiteRTModel` needs.

    Args:
        configuration: dict. As `configuration_of` makes it.
        vocabularies: dict from the names of text files to lists of str.

    Example:

    >>> fits({"kind": "embedding"}, {})
    False
    """
    try:
        return _fits(configuration, vocabularies)
    except (KeyError, TypeError, AttributeError, IndexError):
        return False


def have_sizes(*described: list[dict[str, Any]]) -> bool:
    """Returns whether all that is described has sizes, as far as it has any.

    Args:
        *described: lists of dict: `embeddings`, `tables`.

    Example:

    >>> have_sizes([{"N": 10, "d": 4, "K": 2, "D": 3}], [{"N": 0, "d": 4}])
    False
    """
    return all(
        _is_size(one[name])
        for entries in described
        for one in entries
        for name in ("N", "d", *(one.keys() & _OF_CODES))
    )


def _fits(
    configuration: dict[str, Any], vocabularies: Mapping[str, list[str]]
) -> bool:
    embeddings = configuration["embeddings"]
    functions = configuration["signatures"]
    kind = configuration["kind"]
    unknown_id = configuration["unknown_id"]
    tables = configuration.get("tables", [])
    inputs = configuration.get("inputs", {}).values()
    sizes = [e["N"] for e in [*embeddings, *tables]]
    needed = {"embedding": "serving_default", "language model": "stream"}
    ids = {"embedding": "token_ids", "language model": "token_id"}
    return (
        kind in KINDS
        and have_sizes(embeddings, tables)
        and all(e.keys() >= _OF_CODES for e in embeddings)
        and (unknown_id is None or _is_id(unknown_id, max(sizes)))
        and all(len(words) <= max(sizes) for words in vocabularies.values())
        and all(
            _is_size(place["N"])
            and place["vocabulary"] in (None, *vocabularies)
            and (
                place["unknown_id"] is None
                or _is_id(place["unknown_id"], place["N"])
            )
            for place in inputs
        )
        and bool(sizes)
        and all(
            isinstance(shape, list)
            and all(size is None or _is_size(size) for size in shape)
            for inputs in functions.values()
            for shape in inputs.values()
        )
        and (kind == "model" or ids[kind] in functions[needed[kind]])
        and (kind != "language model" or _are_states(functions["stream"]))
    )


def _are_states(inputs: dict[str, Any]) -> bool:
    """Returns whether all inputs of `stream` have a fixed shape."""
    return all(None not in shape for shape in inputs.values())


def _is_size(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_INT32


def _is_id(value: Any, N: int) -> bool:
    return type(value) is int and 0 <= value < N
