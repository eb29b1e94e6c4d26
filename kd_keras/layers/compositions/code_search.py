"""Searching codes for any composition, by way of an additive one near it."""

import keras
import numpy as np

from kd_keras.layers.compositions.concat import ConcatComposition
from kd_keras.layers.compositions.linear import LinearComposition
from kd_keras.search.concat import decode_concat, encode_concat
from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.encode_rows import encode_rows
from kd_keras.search.learning_sample import learning_sample
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.annealing import better_rows
from kd_keras.search.methods.least_squares import fit_in_order

# Rows composed at a time.
BLOCK = 1024
# Searches of `encode` near the present codes where the composition is not
# additive, and the effort of each.
TURNS, NEAR_EFFORT = 4, 0.25
# Codes that show what a composition makes of a value that nobody has.
SHOWN = 4
# Vectors are taken to be at most so many times as long as a code embedding:
# what is further away has the same code, and squares overflow.
FAR = 1e9


def encode(embedding, vectors, seed=0, effort=1.0, **given):
    """Finds codes of vectors while an embedding's composition stands still.

    Args:
        embedding: Built `KDEmbedding`.
        vectors: Float32 table `(M, d)`, read block by block.
        seed: Integer.
        effort: Float, as `KDEmbedding.encode` takes it.
        **given: Keyword arguments of `encode_rows`.

    Returns:
        Codes `(M, D)`, uint8 up to K = 256, else uint16.
    """
    return encode_rows(block_encoder(embedding, seed, effort), vectors, **given)


def block_encoder(embedding, seed=0, effort=1.0):
    """Gives the function that finds the codes of a block of vectors.

    Args:
        embedding: Built `KDEmbedding`.
        seed: Integer.
        effort: Float, as `KDEmbedding.encode` takes it.

    Returns:
        A function of float32 vectors `(M, d)` that returns their codes
        `(M, D)` and the mean squared error. A block's codes depend on nothing
        outside of it, and the same block always gets the same.
    """
    composition = embedding.composition
    weights = [np.asarray(w, np.float32) for w in composition.get_weights()]
    if isinstance(composition, ConcatComposition):

        def encode_slices(vectors):
            codes = encode_concat(_nearer(vectors, weights[0]), *weights)
            return codes, _error(vectors, decode_concat(codes, *weights))

        return encode_slices
    if isinstance(composition, LinearComposition):
        tables, *kernel = weights
        for H in kernel:
            tables = tables @ H
        return sum_encoder(tables, seed, effort)
    # The symbols' own codes show how the composition behaves.
    known = embedding.codes
    sample = learning_sample(len(known), composition.K, seed)
    if sample is not None:
        known = known[sample]
    tables = additive_near(composition, known, fit_in_order, seed)

    def encode_composed(vectors):
        near = _nearer(vectors, tables)
        codes = encode_additive(near, tables, None, seed, effort)
        for turn in range(TURNS):
            codes, _ = search_near(
                composition,
                near,
                codes,
                tables,
                seed + turn,
                NEAR_EFFORT * effort,
            )
        return codes, _error(vectors, compose(composition, codes))

    return encode_composed


def sum_encoder(tables, seed, effort):
    """Gives the function of `block_encoder` for sums of code embeddings.

    Args:
        tables: Float32 array `(D, K, d)`, the code embeddings.
        seed: Integer.
        effort: Float, as `KDEmbedding.encode` takes it.
    """

    def encode_sum(vectors):
        near = _nearer(vectors, tables)
        codes = encode_additive(near, tables, None, seed, effort)
        return codes, _error(vectors, decode_additive(codes, tables))

    return encode_sum


def additive_near(composition, codes, fit, seed):
    """Finds code embeddings whose sum is near what a composition computes.

    Args:
        composition: Composition layer.
        codes: Integer array `(N, D)`, for which it should be near.
        fit: `fit_code_embeddings`, or `fit_in_order` where codes are to be
            found by beam search.
        seed: Integer.

    Returns:
        Float32 array `(D, K, d)`.
    """
    K = composition.K
    tables = fit(compose(composition, codes), codes, K)
    rng = np.random.default_rng(seed)
    for j, column in enumerate(codes.T):
        # What the composition makes of a value that training left behind may
        # be anything. A search that took it for the mean would choose it.
        unused = np.flatnonzero(np.bincount(column, minlength=K) == 0)
        if not unused.size:
            continue
        shown = codes[rng.choice(len(codes), SHOWN * len(unused))]
        shown[:, j] = np.repeat(unused, SHOWN)
        gap = compose(composition, shown) - decode_additive(shown, tables)
        gap = gap.reshape(len(unused), SHOWN, -1)
        tables[j, unused] += gap.mean(axis=1)
    return tables


def _nearer(vectors, tables):
    """Shortens vectors that are far beyond the reach of any code."""
    most = FAR * float(np.abs(tables).max(initial=0))
    size = np.abs(vectors).max(axis=1, keepdims=True).astype(np.float64)
    if most == 0 or size.max() <= most:
        return vectors
    return (vectors / np.maximum(size / most, 1)).astype(np.float32)


def _error(vectors, rebuilt):
    return float(_errors(vectors, rebuilt).mean())


def _errors(vectors, rebuilt):
    """Returns the squared error of each row, float64: that of 1e30 fits."""
    gap = (vectors - rebuilt).astype(np.float64)
    return np.einsum("md,md->m", gap, gap)


def compose(composition, codes):
    """Composes codes `(M, D)` to a numpy array `(M, d)`, block by block."""
    blocks = [
        keras.ops.convert_to_numpy(composition(codes[begin : begin + BLOCK]))
        for begin in range(0, len(codes), BLOCK)
    ]
    return np.concatenate(blocks)


def search_near(composition, vectors, codes, tables, seed, effort=1.0):
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
            the composition's output.
        seed: Integer.
        effort: Float, as `KDEmbedding.encode` takes it.

    Returns:
        `(codes, errors)`: codes `(M, D)` and their squared errors `(M,)`.
    """
    rebuilt = compose(composition, codes)
    errors = _errors(vectors, rebuilt)
    additive = decode_additive(codes, tables)
    proposed = encode_additive(
        vectors - rebuilt + additive, tables, codes, seed, effort
    )
    new_errors = _errors(vectors, compose(composition, proposed))
    return better_rows(codes, errors, proposed, new_errors)
