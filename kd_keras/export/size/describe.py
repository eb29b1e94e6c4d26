"""The sizes of a model's coded layers."""

from kd_keras.layers.compositions.residual import ResidualComposition
from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_embedding import KDEmbedding


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
