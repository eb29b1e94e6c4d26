"""Searches codes for any composition, if necessary with an additive one near.

The searches of `kd_keras.search` need a composition that is a sum or slices.
For other compositions, a sum near it proposes codes.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kd_keras.layers.compositions.composition import Composition
from kd_keras.layers.compositions.linear import LinearComposition
from kd_keras.search.concat import decode_concat, encode_concat
from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.encode_rows import EncodeBlock, encode_rows
from kd_keras.search.learning_sample import learning_sample
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.annealing import better_rows
from kd_keras.search.methods.least_squares import fit_in_order
from kd_keras.utils.cores import one_blas_thread
from kd_keras.utils.power_of_two import power_of_two
from kd_keras.utils.row_blocks import Rows, row_blocks, rows_at_a_time

# Rows composed at a time.
BLOCK = 1024
# Number of searches by `encode` near the present codes if the composition is
# not additive, and the effort of each.
TURNS, NEAR_EFFORT = 4, 0.25
# Number of codes that are composed to estimate a value that no symbol has.
SHOWN = 4
# Vectors are shortened to this many times the longest code embedding: a vector
# further away has the same code, and its square would overflow.
FAR = 1e9
# Numbers whose errors are computed at a time.
FLOATS = 1 << 22

# From vectors, codes and K to code embeddings, as `fit_code_embeddings`.
Fit = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@one_blas_thread()
def encode(
    embedding: Any,
    vectors: Rows,
    seed: int = 0,
    effort: float = 1.0,
    **options: Any,
) -> np.ndarray:
    """Finds codes of vectors while the composition of a layer stays fixed.

    Args:
        embedding: `KDEmbedding`, built.
        vectors: table of float32, shape `(M, d)`. It is read block by block.
        seed: int. Decides the search.
        effort: float, 0 to 1,000. See `KDEmbedding.encode`.
        **options: Keyword arguments of `encode_rows`.

    Returns:
        Array of int, shape `(M, D)`, uint8 up to K = 256, else uint16.
    """
    encode_block = block_encoder(embedding, seed, effort)
    return encode_rows(encode_block, vectors, **options)


def check_has_tiers(composition: Composition | str) -> None:
    """Checks that codes of several lengths can be searched for a composition.

    Raises:
        ValueError: If it is not the linear composition.
    """
    if composition != "linear" and not isinstance(
        composition, LinearComposition
    ):
        name = getattr(composition, "name", composition)
        raise ValueError(
            "Codes with tiers can be found for the linear composition only. "
            f"Received: composition={name!r}"
        )


def block_encoder(
    embedding: Any, seed: int = 0, effort: float = 1.0
) -> EncodeBlock:
    """Returns the function that finds the codes of a block of vectors.

    Args:
        embedding: `KDEmbedding`, built.
        seed: int. Decides the search.
        effort: float, 0 to 1,000. See `KDEmbedding.encode`.

    Returns:
        A function from vectors, float32 `(M, d)`, to their codes `(M, D)` and
        the mean squared error. The codes of a block depend on nothing outside
        of it, and the same block always gets the same codes.
    """
    composition = embedding.composition
    tables = composition.tables()
    if tables is None:
        return _composed_encoder(composition, embedding.codes, seed, effort)
    if tables.form == "slices":
        return _slice_encoder(tables.rows)
    return sum_encoder(tables.rows, seed, effort)


def _slice_encoder(tables: np.ndarray) -> EncodeBlock:
    def encode_slices(vectors: np.ndarray) -> tuple[np.ndarray, float]:
        codes = encode_concat(_nearer(vectors, tables), tables)
        return codes, _error(vectors, decode_concat(codes, tables))

    return encode_slices


def sum_encoder(tables: np.ndarray, seed: int, effort: float) -> EncodeBlock:
    """Returns the function of `block_encoder` for sums of code embeddings.

    Args:
        tables: array of float32, shape `(D, K, d)`. The code embeddings.
        seed: int. Decides the search.
        effort: float, 0 to 1,000. See `KDEmbedding.encode`.
    """

    def encode_sum(
        vectors: np.ndarray, lengths: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        near = _nearer(vectors, tables)
        codes = encode_additive(near, tables, None, seed, effort, lengths)
        return codes, _error(vectors, decode_additive(codes, tables))

    return encode_sum


def _composed_encoder(
    composition: Composition, known: np.ndarray, seed: int, effort: float
) -> EncodeBlock:
    # The symbols' own codes show how the composition behaves.
    sample, _ = learning_sample(len(known), composition.K, seed)
    if sample is not None:
        known = known[sample]
    tables = additive_near(composition, known, fit_in_order, seed)

    def encode_composed(vectors: np.ndarray) -> tuple[np.ndarray, float]:
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


def additive_near(
    composition: Composition, codes: np.ndarray, fit: Fit, seed: int
) -> np.ndarray:
    """Finds code embeddings whose sum is near what a composition computes.

    Args:
        composition: `Composition`.
        codes: array of int, shape `(N, D)`. The codes for which the sum should
            be near.
        fit: `fit_code_embeddings`, or `fit_in_order` if codes are to be found
            by beam search.
        seed: int. Decides the random choices.

    Returns:
        Array of float32, shape `(D, K, d)`.
    """
    K = composition.K
    rebuilt = compose(composition, codes)
    unit = np.float32(power_of_two(rebuilt))  # sums of 1e36 overflow float32
    tables = unit * fit(rebuilt / unit, codes, K)
    rng = np.random.default_rng(seed)
    for j, column in enumerate(codes.T):
        # Training may move a value that no symbol has anywhere. If the search
        # assumed that such a value is the mean, it would choose it.
        unused = np.flatnonzero(np.bincount(column, minlength=K) == 0)
        if not unused.size:
            continue
        shown = codes[rng.choice(len(codes), SHOWN * len(unused))]
        shown[:, j] = np.repeat(unused, SHOWN)
        gap = compose(composition, shown) - decode_additive(shown, tables)
        gap = gap.reshape(len(unused), SHOWN, -1)
        tables[j, unused] += gap.mean(axis=1)
    return tables


def _nearer(vectors: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Shortens vectors that are far beyond the reach of any code."""
    most = FAR * float(np.abs(tables).max(initial=0))
    size = np.abs(vectors).max(axis=1, keepdims=True).astype(np.float64)
    if most == 0 or size.max() <= most:
        return vectors
    return (vectors / np.maximum(size / most, 1)).astype(np.float32)


def _error(vectors: np.ndarray, rebuilt: np.ndarray) -> float:
    return float(_errors(vectors, rebuilt).mean())


def _errors(vectors: np.ndarray, rebuilt: np.ndarray) -> np.ndarray:
    """Returns the squared error of each row in float64, which holds 1e60."""
    N, d = vectors.shape
    errors = np.empty(N)
    for rows in row_blocks(N, rows_at_a_time(d, N, FLOATS)):
        gap = (vectors[rows] - rebuilt[rows]).astype(np.float64)
        errors[rows] = np.einsum("md,md->m", gap, gap)
    return errors


def compose(composition: Composition, codes: np.ndarray) -> np.ndarray:
    """Composes codes `(M, D)` to a numpy array `(M, d)`, block by block."""
    blocks = [
        keras.ops.convert_to_numpy(composition(codes[begin : begin + BLOCK]))
        for begin in range(0, len(codes), BLOCK)
    ]
    return np.concatenate(blocks)


def search_near(
    composition: Composition,
    vectors: np.ndarray,
    codes: np.ndarray,
    tables: np.ndarray,
    seed: int,
    effort: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Improves codes by one search that the composition itself confirms.

    Near a row's present code the composition is treated as additive: the part
    of its output beyond the sum of `tables` is subtracted from the row's
    target, and a local search proposes a code. The proposal is accepted if the
    composition rebuilds the vector better from it, so no row's error rises.

    Args:
        composition: `Composition`.
        vectors: array of float32, shape `(M, d)`.
        codes: array of int, shape `(M, D)`.
        tables: array of float32, shape `(D, K, d)`. Code embeddings whose sum
            is near the composition's output.
        seed: int. Decides the search.
        effort: float, 0 to 1,000. See `KDEmbedding.encode`.

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
