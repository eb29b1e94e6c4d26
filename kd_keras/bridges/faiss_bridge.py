"""Conversion of embeddings from and to faiss quantisers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from kd_keras.bridges.quantizer_codes import (
    embedding_of,
    other_library,
    quantizer_tables,
)
from kd_keras.codes.checks import code_bits
from kd_keras.codes.packing import pack_codes, unpack_codes
from kd_keras.layers.kd_embedding import KDEmbedding


def from_faiss(quantizer: Any, codes: npt.ArrayLike) -> KDEmbedding:
    """Converts a faiss quantiser and its codes to an embedding.

    A product quantiser becomes an embedding with the concat composition, a
    residual or local search quantiser one with the linear composition.
    `embedding(ids)` returns the same vectors as
    `quantizer.decode(codes)[ids]`.

    Args:
        quantizer: Trained `faiss.ProductQuantizer`, `faiss.ResidualQuantizer`
            or `faiss.LocalSearchQuantizer` whose codebooks have the same size.
        codes: array of uint8, shape `(N, quantizer.code_size)`, from
            `quantizer.compute_codes`.

    Returns:
        A built `KDEmbedding` of N symbols with fixed codes.

    Raises:
        ValueError: If the quantiser is of another kind or not trained, or if
            the codes do not fit it.

    Example:

    >>> import faiss, numpy as np, kd_keras
    >>> vectors = np.random.default_rng(0).normal(size=(99, 8)).astype("f")
    >>> quantizer = faiss.ResidualQuantizer(8, 4, 1)
    >>> quantizer.train(vectors)
    >>> codes = quantizer.compute_codes(vectors)
    >>> embedding = kd_keras.from_faiss(quantizer, codes)
    >>> wanted = quantizer.decode(codes)
    >>> print(np.allclose(embedding(np.arange(99)), wanted, atol=1e-5))
    True
    """
    faiss = other_library("faiss", "faiss-cpu")
    if isinstance(quantizer, faiss.ProductQuantizer):
        composition, D, bits = "concat", quantizer.M, {quantizer.nbits}
        values, size = quantizer.centroids, quantizer.dsub
    elif isinstance(
        quantizer, faiss.ResidualQuantizer | faiss.LocalSearchQuantizer
    ):
        bits = set(faiss.vector_to_array(quantizer.nbits).tolist())
        composition, D = "linear", quantizer.M
        values, size = quantizer.codebooks, quantizer.d
    else:
        raise ValueError(
            "`quantizer` must be a faiss ProductQuantizer, ResidualQuantizer "
            f"or LocalSearchQuantizer. Received: {type(quantizer).__name__}"
        )
    if len(bits) > 1:
        raise ValueError(
            "`quantizer` must have codebooks of one size. Received: nbits="
            f"{sorted(bits)}"
        )
    K = 2 ** bits.pop()
    codebooks = faiss.vector_to_array(values)
    if codebooks.size != D * K * size or not codebooks.any():
        raise ValueError(
            "`quantizer` must be trained. Received: an untrained "
            f"{type(quantizer).__name__}"
        )
    codes = np.asarray(codes)
    width = -(-D * code_bits(K) // 8)  # norms may follow the codes
    if (
        codes.dtype != np.uint8
        or codes.ndim != 2
        or codes.shape[1] != quantizer.code_size
        or not len(codes)
    ):
        raise ValueError(
            f"`codes` must be uint8 of shape (N, {quantizer.code_size}), from "
            f"the quantizer's compute_codes. Received: {codes.dtype} "
            f"{codes.shape}"
        )
    # faiss uses the same order of bits as `pack_codes`.
    packed = np.ascontiguousarray(codes[:, :width])
    spare = 8 * width - D * code_bits(K)
    if spare:
        packed[:, -1] &= 0xFF >> spare
    return embedding_of(
        unpack_codes(packed, K, D),
        codebooks.reshape(D, K, size),
        composition,
    )


def to_faiss(embedding: KDEmbedding) -> tuple[Any, np.ndarray]:
    """Converts an embedding to a faiss quantiser and its codes.

    The concat composition becomes a `faiss.ProductQuantizer`. The linear
    composition becomes a `faiss.ResidualQuantizer` whose codebooks are
    multiplied by H. `quantizer.decode(codes)` returns the vectors of all
    symbols. If K is not a power of two, the codebooks are padded with copies
    of their first entries, which no code uses.

    Args:
        embedding: Built `KDEmbedding` with the linear or concat composition.

    Returns:
        `(quantizer, codes)`; `codes` is an array of uint8, shape
        `(N, quantizer.code_size)`.

    Raises:
        ValueError: If the layer has another composition or is not built, or K
            is more than 2^16.

    Example:

    >>> import numpy as np, kd_keras
    >>> embedding = kd_keras.KDEmbedding(100, 8, K=16, D=4)
    >>> embedding.build()
    >>> quantizer, codes = kd_keras.to_faiss(embedding)
    >>> print(codes.shape)
    (100, 2)
    >>> wanted = embedding(np.arange(100))
    >>> print(np.allclose(quantizer.decode(codes), wanted, atol=1e-5))
    True
    """
    faiss = other_library("faiss", "faiss-cpu")
    codebooks, composition = quantizer_tables(embedding)
    D, K, size = codebooks.shape
    bits = code_bits(K)
    spare = np.repeat(codebooks[:, :1], 2**bits - K, axis=1)
    values = np.concatenate([codebooks, spare], axis=1).astype(np.float32)
    if composition == "concat":
        quantizer = faiss.ProductQuantizer(size * D, D, bits)
        faiss.copy_array_to_vector(values.ravel(), quantizer.centroids)
    else:
        quantizer = faiss.ResidualQuantizer(size, D, bits)
        faiss.copy_array_to_vector(values.ravel(), quantizer.codebooks)
        quantizer.is_trained = True
    return quantizer, pack_codes(embedding.codes, 2**bits)
