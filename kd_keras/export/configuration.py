"""What an exported file says of itself."""

import keras

from kd_keras.export.size.describe import describe_embeddings
from kd_keras.language_model.model import LanguageModel
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.version import __version__


def configuration_of(coded, signatures, quantization, unknown_id):
    """Describes an exported model.

    Args:
        coded: `CodedModel`.
        signatures: List of `Signature`.
        quantization: As in `export_litert`.
        unknown_id: Integer or None.

    Returns:
        Dictionary of JSON types: `kd_keras` (the version), `kind`
        (`"embedding"`, `"language model"` or `"model"`), `quantization`,
        `unknown_id`, `embeddings` (as `describe_embeddings`) and
        `signatures` (the shapes of their inputs by name; null where dynamic).
    """
    if isinstance(coded.model, LanguageModel):
        kind = "language model"
    elif _is_embedding(coded):
        kind = "embedding"
    else:
        kind = "model"
    return {
        "kd_keras": __version__,
        "kind": kind,
        "quantization": quantization,
        "unknown_id": unknown_id,
        "embeddings": describe_embeddings(coded),
        "signatures": {
            signature.name: {
                name: spec.shape.as_list()
                for name, spec in signature.inputs.items()
            }
            for signature in signatures
        },
    }


def _is_embedding(coded):
    """Tells whether a model is an embedding and nothing else."""
    if isinstance(coded.model, KDEmbedding):
        return True
    inner = [
        layer
        for layer in coded.model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    return inner == [coded.output] and isinstance(coded.output, KDEmbedding)
