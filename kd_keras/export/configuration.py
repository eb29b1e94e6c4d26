"""What an exported file says of itself."""

from kd_keras.language_model.model import LanguageModel
from kd_keras.layers.compositions.residual import ResidualComposition
from kd_keras.layers.find_layers import find_layers, output_layer
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


def describe_embeddings(model):
    """Gives the sizes of the KD embeddings of a model as JSON types.

    Args:
        model: Keras layer or model.

    Returns:
        List of dictionaries: `N`, `d`, `K`, `D`, `code_dim`, `composition`,
        `hidden_dim` of a residual composition, and, where an embedding shares
        them with an earlier one, `shares`, a list of `"codes"` and
        `"composition"`.
    """
    described: list = []
    seen: set = set()
    for embedding in find_layers(model, KDEmbedding):
        described.append(
            {
                "N": embedding.input_dim,
                "d": embedding.output_dim,
                "K": embedding.K,
                "D": embedding.D,
                "code_dim": embedding.code_dim,
                "composition": composition_name(embedding.composition),
            }
        )
        if isinstance(embedding.composition, ResidualComposition):
            described[-1]["hidden_dim"] = embedding.composition.hidden_dim
        parts = {
            "codes": codes_of(embedding),
            "composition": embedding.composition,
        }
        shares = [name for name, part in parts.items() if id(part) in seen]
        if shares:
            described[-1]["shares"] = shares
        seen |= {id(part) for part in parts.values()}
    return described


def codes_of(embedding):
    """Gives what holds the codes of an embedding: embeddings may share it."""
    return embedding.learner or embedding


def composition_name(composition):
    """Gives a name such as `"linear"`, or else that of the class."""
    from kd_keras.layers.compositions.by_name import COMPOSITIONS

    for name, kind in COMPOSITIONS.items():
        if type(composition) is kind:
            return name
    return type(composition).__name__
