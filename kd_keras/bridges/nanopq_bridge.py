"""Conversion of embeddings from and to nanopq quantisers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from kd_keras.bridges.quantizer_codes import (
    embedding_of,
    other_library,
    quantizer_tables,
)
from kd_keras.codes.checks import code_dtype
from kd_keras.layers.kd_embedding import KDEmbedding


def from_nanopq(quantizer: Any, codes: npt.ArrayLike) -> KDEmbedding:
    """Converts a nanopq quantiser and its codes to an embedding.

    A `PQ` becomes an embedding with the concat composition. An `OPQ` becomes
    one with the linear composition, whose code embeddings are multiplied by
    the rotation. `embedding(ids)` returns the same vectors as
    `quantizer.decode(codes)[ids]`.

    Args:
        quantizer: Fitted `nanopq.PQ` or `nanopq.OPQ`.
        codes: array of int, shape `(N, M)`, from `quantizer.encode`.

    Returns:
        A built `KDEmbedding` of N symbols with fixed codes, K = Ks and D = M.

    Raises:
        ValueError: If the quantiser is of another kind or not fitted, or if
            the codes do not fit it.

    Example:

    >>> import nanopq, numpy as np, kd_keras
    >>> vectors = np.random.default_rng(0).normal(size=(99, 8)).astype("f")
    >>> quantizer = nanopq.PQ(M=4, Ks=16, verbose=False).fit(vectors)
    >>> codes = quantizer.encode(vectors)
    >>> embedding = kd_keras.from_nanopq(quantizer, codes)
    >>> wanted = quantizer.decode(codes)
    >>> print(np.allclose(embedding(np.arange(99)), wanted))
    True
    """
    nanopq = other_library("nanopq", "nanopq")
    if not isinstance(quantizer, nanopq.PQ | nanopq.OPQ):
        raise ValueError(
            "`quantizer` must be a nanopq.PQ or nanopq.OPQ. Received: "
            f"{type(quantizer).__name__}"
        )
    if quantizer.codewords is None:
        raise ValueError(
            "`quantizer` must be fitted. Received: an unfitted "
            f"{type(quantizer).__name__}"
        )
    D, _, size = quantizer.codewords.shape
    if np.ndim(codes) != 2 or np.shape(codes)[1] != D:
        raise ValueError(
            f"`codes` must be integers of shape (N, {D}), from the "
            f"quantizer's encode. Received: shape={np.shape(codes)}"
        )
    if isinstance(quantizer, nanopq.PQ):
        return embedding_of(codes, quantizer.codewords, "concat")
    # v = x R^T, with x the concatenated slices: each slice is multiplied by
    # its own rows of R^T.
    rows = np.asarray(quantizer.R).T.reshape(D, size, D * size)
    return embedding_of(codes, quantizer.codewords @ rows, "linear")


def to_nanopq(embedding: KDEmbedding) -> tuple[Any, np.ndarray]:
    """Converts an embedding to a nanopq quantiser and its codes.

    `quantizer.decode(codes)` returns the vectors of all symbols.

    Args:
        embedding: Built `KDEmbedding` with the concat composition.

    Returns:
        `(quantizer, codes)`: a fitted `nanopq.PQ` and an array of int, shape
        `(N, D)`.

    Raises:
        ValueError: If the layer has another composition or is not built.

    Example:

    >>> import numpy as np, kd_keras
    >>> embedding = kd_keras.KDEmbedding(
    ...     100, 8, K=16, D=4, composition="concat"
    ... )
    >>> embedding.build()
    >>> quantizer, codes = kd_keras.to_nanopq(embedding)
    >>> wanted = embedding(np.arange(100))
    >>> print(np.allclose(quantizer.decode(codes), wanted))
    True
    """
    nanopq = other_library("nanopq", "nanopq")
    codebooks, composition = quantizer_tables(embedding)
    if composition != "concat":
        raise ValueError(
            "`embedding` must have the concat composition for nanopq; use "
            f"`to_faiss` for the linear composition. Received: {composition}"
        )
    D, K, size = codebooks.shape
    quantizer = nanopq.PQ(M=D, Ks=K, verbose=False)
    quantizer.codewords = codebooks.astype(np.float32)
    quantizer.Ds = size
    return quantizer, embedding.codes.astype(code_dtype(K))
