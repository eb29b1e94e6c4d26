"""Embeddings made of codes and codebooks, and the codebooks of embeddings.

What the bridges to other libraries have in common.
"""

import importlib

import numpy as np

from kd_keras.layers.kd_embedding import KDEmbedding


def other_library(module, package):
    """Imports a library that is no dependency of this package.

    Raises:
        ModuleNotFoundError: In one line that helps, if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{module} is not installed. Expected: pip install {package}"
        ) from None


def embedding_of(codes, codebooks, composition):
    """Makes an embedding of given codes and code embeddings.

    Args:
        codes: Integers, shape `(N, D)`.
        codebooks: Floats, shape `(D, K, d)` for "linear", `(D, K, d / D)` for
            "concat".
        composition: "linear" or "concat".

    Returns:
        Built `KDEmbedding` with fixed codes.
    """
    D, K, size = codebooks.shape
    embedding = KDEmbedding(
        len(codes),
        size * D if composition == "concat" else size,
        K=K,
        D=D,
        codes=np.asarray(codes),
        composition=composition,
    )
    embedding.build()
    embedding.composition.code_embeddings.assign(codebooks)
    return embedding


def quantizer_tables(embedding):
    """Gives the code embeddings of an embedding whose vectors are sums.

    Args:
        embedding: Built `KDEmbedding`, linear or concat.

    Returns:
        `(codebooks, composition)`: `(D, K, d)` and "linear", the matrix H
        multiplied in, or `(D, K, d / D)` and "concat".

    Raises:
        ValueError: If it is another layer, not built, or of another
            composition.
    """
    if not isinstance(embedding, KDEmbedding) or not embedding.built:
        raise ValueError(
            f"`embedding` must be a built KDEmbedding. Received: {embedding!r}"
        )
    tables = embedding.composition.tables()
    if tables is None:
        raise ValueError(
            "Quantisers hold sums and slices: `embedding` must have the "
            "linear or the concat composition. Received: "
            f"{type(embedding.composition).__name__}"
        )
    return tables.rows, "concat" if tables.form == "slices" else "linear"
