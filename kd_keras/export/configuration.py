"""The configuration in an exported file, which describes the file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from kd_keras.export.size.coded_model import TABLES, CodedModel
from kd_keras.export.size.describe import describe_embeddings, describe_tables
from kd_keras.export.symbols import Symbols
from kd_keras.language_model.model import LanguageModel
from kd_keras.layers.find_layers import ends_reversed
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.version import __version__

if TYPE_CHECKING:
    from kd_keras.export.signatures.signature import Signature


def configuration_of(
    coded: CodedModel,
    signatures: Sequence["Signature"],
    quantization: str | None,
    symbols: Symbols,
) -> dict[str, Any]:
    """Describes an exported model.

    Args:
        coded: `CodedModel`.
        signatures: list of `Signature`.
        quantization: str or None. See `export_litert`.
        symbols: `Symbols`.

    Returns:
        dict of JSON types: `kd_keras` (the version), `kind` (`"embedding"`,
        `"language model"` or `"model"`), `quantization`, `row_scales` (whether
        long code embeddings in int8 have scales of their own), `unknown_id` and
        `inputs` (see `Symbols`), `embeddings` (see `describe_embeddings`),
        `tables` (see `describe_tables`, if there are any) and `signatures`
        (the shapes of their inputs by name; dynamic sizes are null).
    """
    if isinstance(coded.model, LanguageModel):
        kind = "language model"
    elif _is_embedding(coded):
        kind = "embedding"
    else:
        kind = "model"
    tables = describe_tables(coded)
    return {
        "kd_keras": __version__,
        "kind": kind,
        "quantization": quantization,
        "row_scales": True,  # files of earlier versions have none
        **symbols.configuration,
        "embeddings": describe_embeddings(coded),
        **({"tables": tables} if tables else {}),
        "signatures": {
            signature.name: {
                name: spec.shape.as_list()
                for name, spec in signature.inputs.items()
            }
            for signature in signatures
        },
    }


def _is_embedding(coded: CodedModel) -> bool:
    """Checks whether a model is an embedding and nothing else."""
    kinds = (KDEmbedding, *TABLES)
    if isinstance(coded.model, kinds):
        return True
    inner = [
        layer
        for layer in getattr(coded.model, "layers", [])
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    is_table = inner == [coded.output] and isinstance(coded.output, kinds)
    return is_table and not ends_reversed(coded.model)
