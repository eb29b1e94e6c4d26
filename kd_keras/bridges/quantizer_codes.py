"""Functions that the conversions to all other libraries share.

They make embeddings from codes and codebooks, and codebooks from embeddings.
"""

import importlib
from typing import Any

import numpy as np

from kd_keras.layers.kd_embedding import KDEmbedding


def other_library(module: str, package: str) -> Any:
    """Imports a library that is not a dependency of this package.

    Args:
        module: str. Name of the module.
        package: str. Name of the package to install.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: If it is not installed. The message is one line
            that says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{module} is not installed. Expected: pip install {package}"
        ) from None


def embedding_of(
    codes: Any, codebooks: np.ndarray, composition: str
) -> KDEmbedding:
    """Makes an embedding from codes and code embeddings.

    Args:
        codes: array of int, shape `(N, D)`.
        codebooks: array of float, shape `(D, K, d)` for `"linear"`,
            `(D, K, d / D)` for `"concat"`.
        composition: One of `"linear"`, `"concat"`.

    Returns:
        A built `KDEmbedding` with fixed codes.
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


def quantizer_tables(embedding: Any) -> tuple[np.ndarray, str]:
    """Returns the codebooks of an embedding and the name of its composition.

    Args:
        embedding: Built `KDEmbedding` with the linear or concat composition.

    Returns:
        `(codebooks, composition)`: an array of shape `(D, K, d)`, which
        includes the matrix H, and `"linear"`; or an array of shape
        `(D, K, d / D)` and `"concat"`.

    Raises:
        ValueError: If it is another layer, is not built, or has another
            composition.
    """
    if not isinstance(embedding, KDEmbedding) or not embedding.built:
        raise ValueError(
            f"`embedding` must be a built KDEmbedding. Received: {embedding!r}"
        )
    tables = embedding.composition.tables()
    if tables is None:
        raise ValueError(
            "`embedding` must have the linear or the concat composition. "
            f"Received: {type(embedding.composition).__name__}"
        )
    return tables.rows, "concat" if tables.form == "slices" else "linear"
