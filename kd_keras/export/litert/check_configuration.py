"""Checks of the configuration in a `.tflite` file, which may be damaged."""

from typing import Any

from kd_keras.utils.checks import MAX_INT32

KINDS = ("embedding", "language model", "model")


def fits(configuration: dict[str, Any], vocabulary: list[str] | None) -> bool:
    """Returns whether a configuration has all that `LiteRTModel` needs.

    Args:
        configuration: dict. As `configuration_of` makes it.
        vocabulary: list of str, or None.

    Example:

    >>> fits({"kind": "embedding"}, None)
    False
    """
    try:
        return _fits(configuration, vocabulary)
    except (KeyError, TypeError, AttributeError, IndexError):
        return False


def _fits(configuration: dict[str, Any], vocabulary: list[str] | None) -> bool:
    embeddings = configuration["embeddings"]
    functions = configuration["signatures"]
    kind = configuration["kind"]
    unknown_id = configuration["unknown_id"]
    sizes = [e["N"] for e in embeddings] or [MAX_INT32]
    needed = {"embedding": "serving_default", "language model": "stream"}
    ids = {"embedding": "token_ids", "language model": "token_id"}
    return (
        kind in KINDS
        and all(_is_size(e[name]) for e in embeddings for name in "NdKD")
        and (unknown_id is None or _is_id(unknown_id, sizes[0]))
        and (vocabulary is None or len(vocabulary) <= sizes[0])
        and (kind == "model" or bool(embeddings))
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
