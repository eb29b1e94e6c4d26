"""The vocabularies and unknown ids of a model's embeddings.

They are given as one for the whole model, or by the names of inputs or layers.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kd_keras.export.check_symbols import (
    check_length,
    check_unknown_id,
    symbol_count,
)
from kd_keras.export.litert.archive import VOCABULARY
from kd_keras.export.signatures.names import distinct, file_name
from kd_keras.export.signatures.signature import Signature
from kd_keras.export.size.coded_model import CodedModel
from kd_keras.utils.checks import short_repr


@dataclasses.dataclass(frozen=True)
class Symbols:
    """The vocabularies and unknown ids of a model's embeddings.

    Attributes:
        vocabularies: dict from the names of text files to lists of str.
        configuration: dict of JSON types: `unknown_id` and, if names were
            given, `inputs`. For the name of each input, or of the layer if an
            input is ids of different ones, that is a dict of `N`,
            `unknown_id` and `vocabulary`, the name of the text file or None.
        unknown_ids: dict from the `id` of each layer to its unknown id.
    """

    vocabularies: dict[str, list[str]]
    configuration: dict[str, Any]
    unknown_ids: dict[int, int]


@dataclasses.dataclass(frozen=True)
class _Given:
    """What is known of the symbols of one embedding."""

    words: list[str] | None = None
    unknown_id: int | None = None


def symbols_of(
    coded: CodedModel,
    signatures: Sequence[Signature],
    vocabulary: Any,
    unknown_id: Any,
) -> Symbols:
    """Resolves a vocabulary and an unknown id.

    Args:
        coded: `CodedModel`.
        signatures: list of `Signature`.
        vocabulary, unknown_id: What `check_symbols` returned.

    Returns:
        `Symbols`.

    Raises:
        ValueError: If a name is unknown or an embedding is named twice, or if
            a list or id does not fit.
    """
    names = _Names(coded, signatures)
    layers = [*coded.layers, *coded.tables]
    by_name = isinstance(vocabulary, Mapping) or isinstance(unknown_id, Mapping)
    words = _by_layer(names, "vocabulary", vocabulary, check_length)
    ids = _by_layer(names, "unknown_id", unknown_id, check_unknown_id)
    given = {
        id(layer): _Given(words.get(id(layer)), ids.get(id(layer)))
        for layer in layers
    }
    unknown_ids = {i: u for i, u in ids.items() if u is not None}
    whole = given[id(coded.embeddings[0])]
    others = [x for x in coded.tables if x not in coded.embeddings]
    is_whole = not by_name or (
        len(coded.embeddings) == 1
        and all(given[id(table)] == _Given() for table in others)
    )
    vocabularies: dict[str, list[str]] = {}
    if is_whole and whole.words is not None:
        vocabularies[VOCABULARY] = whole.words
    inputs: dict[str, Any] = {}
    for name, layer in names.places(given):
        one, file = given[id(layer)], None
        if one.words is not None:
            file = VOCABULARY
            if not is_whole:
                taken = [x.removesuffix(".txt") for x in vocabularies]
                (file,) = distinct([f"vocabulary_{file_name(name)}"], taken)
                file += ".txt"
            vocabularies[file] = one.words
        inputs[name] = {
            "N": symbol_count(layer),
            "unknown_id": one.unknown_id,
            "vocabulary": file,
        }
    configuration: dict[str, Any] = {
        "unknown_id": whole.unknown_id if is_whole else None
    }
    # The usual names need no more.
    if not is_whole or not set(inputs) <= {"token_ids", "token_id"}:
        configuration["inputs"] = inputs
    return Symbols(vocabularies, configuration, unknown_ids)


def _by_layer(
    names: "_Names", what: str, given: Any, check: Any
) -> dict[int, Any]:
    """Returns what is given for each layer, by the layer's `id`."""
    found: dict[int, Any] = {}
    if not isinstance(given, Mapping):
        for layer in [] if given is None else names.coded.embeddings:
            found[id(layer)] = check(given, symbol_count(layer))
        return found
    said: dict[int, str] = {}
    for name, value in given.items():
        for layer in names.layers(what, name):
            checked = value
            if value is not None:
                label = f"`{what}` of {name!r}"
                checked = check(value, symbol_count(layer), label)
            if id(layer) in said and found[id(layer)] != checked:
                raise ValueError(
                    f"`{what}` must be given once for each embedding. "
                    f"Received: {said[id(layer)]!r} and {name!r}, both for "
                    f"{layer.name!r}"
                )
            found[id(layer)], said[id(layer)] = checked, name
    return found


class _Names:
    """The names by which the embeddings of a model are known."""

    def __init__(
        self, coded: CodedModel, signatures: Sequence[Signature]
    ) -> None:
        self.coded = coded
        self._inputs: dict[str, list[Any]] = {}
        self._aliases: dict[str, str] = {}
        for signature in signatures:
            for name, layers in signature.embeddings.items():
                # Only the coded ones, if an input is ids of others as well.
                kept = [x for x in layers if x in coded.embeddings] or layers
                self._inputs[name] = list(kept)
            self._aliases |= signature.aliases
        self._layers: dict[str, list[Any]] = {}
        for layer in [*coded.layers, *coded.tables]:
            self._layers.setdefault(layer.name, []).append(layer)

    def layers(self, what: str, name: Any) -> list[Any]:
        """Returns the layers that a name stands for."""
        here = self._layers.get(name, []) if isinstance(name, str) else []
        place = self._aliases.get(name, name)
        reached = self._inputs.get(place, []) if isinstance(name, str) else []
        if not here and not reached:
            raise ValueError(
                f"`{what}` must be by the names of inputs of ids "
                f"({', '.join(self._inputs)}) or of embeddings "
                f"({', '.join(self._layers)}). Received: {short_repr(name)}"
            )
        if len(here) > 1 or (
            here and reached and not any(x is here[0] for x in reached)
        ):
            raise ValueError(
                f"`{what}` must be by names that stand for one thing: rename "
                f"the layers or pass the name of an input. Received: {name!r}, "
                "the name of several"
            )
        if len({symbol_count(layer) for layer in reached}) > 1:
            if here:
                return here
            raise ValueError(
                f"`{what}` of an input must be for embeddings of one size: "
                "pass the names of the layers, "
                f"{', '.join(layer.name for layer in reached)}. "
                f"Received: {name!r}"
            )
        return reached or here

    def places(self, given: Mapping[int, _Given]) -> Iterator[tuple[str, Any]]:
        """Yields each name under which symbols are stored, and a layer.

        That is an input if its ids have one meaning, otherwise each layer.
        """
        stored = set()
        for name, layers in self._inputs.items():
            first = given[id(layers[0])]
            if first != _Given() and all(
                given[id(layer)] == first for layer in layers
            ):
                yield name, layers[0]
                stored |= {id(layer) for layer in layers}
        for name, layers in self._layers.items():
            for layer in layers:
                if id(layer) not in stored and given[id(layer)] != _Given():
                    yield name, layer
