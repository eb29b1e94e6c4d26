"""Searching codes for any composition, by way of an additive one near it."""

import keras
import numpy as np

from kd_keras.composition import ConcatComposition, LinearComposition
from kd_keras.encoding import (
    decode_additive,
    encode_additive,
    encode_concat,
    fit_code_embeddings,
)

# Rows composed at a time.
BLOCK = 1024
# Searches of `encode` where the composition is not additive.
TURNS = 4


def encode(embedding, vectors, seed=0):
    """Finds codes of vectors while an embedding's composition stands still.

    Args:
        embedding: Built `KDEmbedding`.
        vectors: Float32 array `(M, d)`.
        seed: Integer.

    Returns:
        Codes `(M, D)`, uint8 up to K = 256, else uint16.
    """
    composition = embedding.composition
    weights = [np.asarray(w, np.float32) for w in composition.get_weights()]
    if isinstance(composition, ConcatComposition):
        return encode_concat(vectors, *weights)
    if isinstance(composition, LinearComposition):
        tables, *kernel = weights
        for H in kernel:
            tables = tables @ H
        return encode_additive(vectors, tables, seed=seed)
    # The symbols' own codes show how the composition behaves.
    known = embedding.codes
    tables = fit_code_embeddings(
        compose(composition, known), known, composition.K
    )
    codes = encode_additive(vectors, tables, seed=seed)
    for turn in range(TURNS):
        codes, _ = search_near(composition, vectors, codes, tables, seed + turn)
    return codes


def compose(composition, codes):
    """Composes codes `(M, D)` to a numpy array `(M, d)`, block by block."""
    blocks = [
        keras.ops.convert_to_numpy(composition(codes[begin : begin + BLOCK]))
        for begin in range(0, len(codes), BLOCK)
    ]
    return np.concatenate(blocks)


def search_near(composition, vectors, codes, tables, seed):
    """Improves codes by one search that the composition itself confirms.

    Near a row's present code the composition is taken for additive: what it
    computes beyond the sum of `tables` is put into the row's target, and a
    local search proposes a code. It is taken where the composition rebuilds
    the vector better from it, so no row's error rises.

    Args:
        composition: Composition layer.
        vectors: Float32 array `(M, d)`.
        codes: Integer array `(M, D)`.
        tables: Float32 array `(D, K, d)`, code embeddings whose sum is near
            the composition's output (`fit_code_embeddings` finds them).
        seed: Integer.

    Returns:
        `(codes, errors)`: codes `(M, D)` and their squared errors `(M,)`.
    """
    rebuilt = compose(composition, codes)
    errors = np.square(vectors - rebuilt).sum(axis=1)
    additive = decode_additive(codes, tables)
    proposed = encode_additive(
        vectors - rebuilt + additive, tables, codes=codes, seed=seed
    )
    new_errors = np.square(vectors - compose(composition, proposed)).sum(axis=1)
    better = new_errors < errors
    return (
        np.where(better[:, None], proposed, codes),
        np.where(better, new_errors, errors),
    )
