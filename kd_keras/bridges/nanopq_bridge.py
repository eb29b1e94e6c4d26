"""Codes and codebooks from nanopq, and for nanopq."""

import numpy as np

from kd_keras.bridges.quantizer_codes import (
    embedding_of,
    other_library,
    quantizer_tables,
)
from kd_keras.codes.checks import code_dtype


def from_nanopq(quantizer, codes):
    """Makes an embedding of what a nanopq quantiser has learned.

    A `PQ` becomes the concat composition, an `OPQ` the linear one, its
    rotation multiplied into the code embeddings. `embedding(ids)` gives the
    vectors that `quantizer.decode(codes)[ids]` does.

    Args:
        quantizer: Fitted `nanopq.PQ` or `nanopq.OPQ`.
        codes: What `quantizer.encode` gave, integers `(N, M)`.

    Returns:
        Built `KDEmbedding`, fixed codes, N symbols, K = Ks, D = M.

    Raises:
        ValueError: If the quantiser is of another kind or not fitted, or the
            codes are not its.

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
            "`quantizer` must be fitted. Received: a "
            f"{type(quantizer).__name__} that is not"
        )
    D, _, size = quantizer.codewords.shape
    if np.ndim(codes) != 2 or np.shape(codes)[1] != D:
        raise ValueError(
            f"`codes` must be integers (N, {D}), as the quantizer's encode "
            f"gives them. Received: shape={np.shape(codes)}"
        )
    if isinstance(quantizer, nanopq.PQ):
        return embedding_of(codes, quantizer.codewords, "concat")
    # v = x R^T with x the slices side by side: each slice meets its rows.
    rows = np.asarray(quantizer.R).T.reshape(D, size, D * size)
    return embedding_of(codes, quantizer.codewords @ rows, "linear")


def to_nanopq(embedding):
    """Writes an embedding as a nanopq quantiser and its codes.

    Args:
        embedding: Built `KDEmbedding` with the concat composition.

    Returns:
        `(quantizer, codes)`, a fitted `nanopq.PQ` and integers `(N, D)`;
        `quantizer.decode(codes)` gives the vectors of all symbols.

    Raises:
        ValueError: If the composition is another, or the layer is not built.

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
            "nanopq holds slices: `embedding` must have the concat "
            f"composition. Received: {composition}; `to_faiss` writes sums"
        )
    D, K, size = codebooks.shape
    quantizer = nanopq.PQ(M=D, Ks=K, verbose=False)
    quantizer.codewords = codebooks.astype(np.float32)
    quantizer.Ds = size
    return quantizer, embedding.codes.astype(code_dtype(K))
