"""What an exported file says of itself."""

from kd_keras.export.size.describe import describe_embeddings
from kd_keras.language_model.model import LanguageModel
from kd_keras.layers.find_layers import output_layer
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.version import __version__


def configuration_of(model, signatures, quantization, unknown_id):
    """Describes an exported model.

    Args:
        model: Keras layer or model.
        signatures: List of `Signature`.
        quantization: As in `export_litert`.
        unknown_id: Integer or None.

    Returns:
        Dictionary of JSON types: `kd_keras` (the version), `kind`
        (`"embedding"`, `"language model"` or `"model"`), `quantization`,
        `unknown_id`, `embeddings` (as `describe_embeddings`) and
        `signatures` (the shapes of their inputs by name; null where dynamic).
    """
    if isinstance(model, LanguageModel):
        kind = "language model"
    elif isinstance(model, KDEmbedding) or _is_embedding(model):
        kind = "embedding"
    else:
        kind = "model"
    return {
        "kd_keras": __version__,
        "kind": kind,
        "quantization": quantization,
        "unknown_id": unknown_id,
        "embeddings": describe_embeddings(model),
        "signatures": {
            signature.name: {
                name: spec.shape.as_list()
                for name, spec in signature.inputs.items()
            }
            for signature in signatures
        },
    }


def _is_embedding(model):
    """Tells whether a model is an embedding and nothing else."""
    layers = [x for x in model.layers if type(x).__name__ != "InputLayer"]
    return layers == [output_layer(model)] and isinstance(
        layers[0], KDEmbedding
    )
