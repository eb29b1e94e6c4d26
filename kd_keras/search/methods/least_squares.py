"""The best additive code embeddings for given codes: sparse least squares.

References:
    Babenko & Lempitsky, "Additive quantization for extreme vector
    compression", CVPR 2014, section 3 (codebooks by least squares).
"""

from collections.abc import Callable

import numpy as np

from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.kmeans import sum_by_value
from kd_keras.search.methods.weighted_rows import Weights, weighted
from kd_keras.utils.cores import spread

# With up to this many unknowns per dimension, the normal equations are solved
# directly; with more, by conjugate gradients. These need no (D K)^2 matrix, but
# may be faster with one, which takes 256 MiB at most.
DIRECT_UNKNOWNS, PAIRED_UNKNOWNS = 5000, 8192
# Nanoseconds, measured on a core of 2024: to count a row and a pair of values,
# for a multiplication in a matrix product, and for a number that is looked up
# and added up again. And about how many steps are needed.
ROW_COUNTED, PAIR_COUNTED, MULTIPLIED, SUMMED, STEPS = 10, 40, 0.014, 2.3, 15
# The value added to the diagonal of the normal equations, which counts rows.
RIDGE = 1e-4
# Conjugate gradients end after so many steps, or when the squared gradient,
# each number in units of its row of the matrix, is this fraction of the squared
# rows, and this fraction of the squared errors of the start.
ITERATIONS, ENOUGH, ENOUGH_OF_START = 50, 1e-6, 1e-3
# They work on so many columns at a time, whatever the number of cores.
COLUMNS = 128


def _pair_counts(
    codes: np.ndarray, K: int, weights: Weights, dtype: type = np.float64
) -> np.ndarray:
    """Counts how often two values occur together: A^T A of one-hot codes A.

    Args:
        codes: array of int, shape `(N, D)`.
        K: int. Number of values per position.
        weights: array of float32, shape `(N,)`, or None. How many times each
            row counts.
        dtype: dtype of the counts; float32 is exact for up to 2^24 rows.

    Returns:
        array, shape `(D * K, D * K)`, symmetric.
    """
    columns = codes.T.astype(np.int64)
    D = len(columns)
    counts: np.ndarray = np.zeros((D, K, D, K), dtype)
    for i in range(D):
        alone = np.bincount(columns[i], weights, minlength=K)
        counts[i, range(K), i, range(K)] = alone
        for j in range(i):
            # for a, b in zip(columns[i], columns[j]):
            #     counts[i, a, j, b] += 1
            pairs = columns[i] * K + columns[j]
            joint = np.bincount(pairs, weights, minlength=K * K)
            counts[i, :, j] = joint.reshape(K, K)
            counts[j, :, i] = joint.reshape(K, K).T
    return counts.reshape(D * K, D * K)


def _sums(
    rows: np.ndarray, codes: np.ndarray, K: int, weights: Weights
) -> np.ndarray:
    """Returns A^T rows, float64 `(D, K, d)`."""
    if weights is not None:
        rows = rows * weights[:, None]
    return np.stack(
        [sum_by_value(rows, codes[:, j], K)[0] for j in range(codes.shape[1])]
    )


def _conjugate_gradients(
    vectors: np.ndarray,
    codes: np.ndarray,
    K: int,
    iterations: int,
    weights: Weights,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Solves the normal equations with products only, from a start or zero."""
    D, d = codes.shape[1], vectors.shape[1]
    counts = np.stack([np.bincount(c, weights, minlength=K) for c in codes.T])
    inverse = 1 / (counts + RIDGE)[:, :, None]
    product = _normal_product(codes, K, weights, d, iterations)
    enough = ENOUGH * _sum_of_squares(vectors, weights) / d
    gap = vectors
    solution = np.zeros((D, K, d))
    if start is not None:
        gap = vectors - decode_additive(codes, start)
        squares = _sum_of_squares(gap, weights)
        enough = min(enough, ENOUGH_OF_START * squares / d)
        solution += start * (counts > 0)[:, :, None]

    def solve(first: int) -> None:
        part = slice(first, first + COLUMNS)
        right = _sums(gap[:, part], codes, K, weights)
        right -= RIDGE * solution[:, :, part]
        solution[:, :, part] += _solve(
            product, right, inverse, iterations, enough * right.shape[2]
        )

    spread(solve, range(0, d, COLUMNS))
    return solution


def _solve(
    product: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    inverse: np.ndarray,
    iterations: int,
    enough: float,
) -> np.ndarray:
    """Solves `product(x) + RIDGE * x = right` for some columns.

    Each column takes steps of its own, but all take equally many: until their
    squared gradients, times `inverse`, sum up to at most `enough`.
    """
    solution = np.zeros_like(right)
    rest = right.copy()
    step = inverse * rest
    length = np.einsum("jkd,jkd->d", rest, step)
    for _ in range(iterations):
        if length.sum() <= enough:
            break
        image = product(step) + RIDGE * step
        curve = np.einsum("jkd,jkd->d", step, image)
        rate = np.divide(
            length, curve, out=np.zeros_like(length), where=curve > 0
        )
        solution += rate * step
        rest -= rate * image
        scaled = inverse * rest
        before, length = length, np.einsum("jkd,jkd->d", rest, scaled)
        step = scaled + step * np.divide(
            length, before, out=np.zeros_like(length), where=before > 0
        )
    return solution


def _normal_product(
    codes: np.ndarray, K: int, weights: Weights, d: int, iterations: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the function from some columns x, `(D, K, n)`, to A^T A x."""
    D = codes.shape[1]
    if not _pairs_pay(len(codes), D, K, d, min(iterations, STEPS)):
        return lambda x: _sums(
            decode_additive(codes, x.astype(np.float32)), codes, K, weights
        )
    pairs = _pair_counts(codes, K, weights, np.float32)
    return lambda x: (pairs @ x.reshape(D * K, -1).astype(np.float32)).reshape(
        x.shape
    )


def _pairs_pay(N: int, D: int, K: int, d: int, steps: int) -> bool:
    """Tells whether a matrix of the counts of pairs saves time."""
    counted = D * D / 2 * (N * ROW_COUNTED + K * K * PAIR_COUNTED)
    step = MULTIPLIED * (D * K) ** 2 * d
    is_small = D * K <= PAIRED_UNKNOWNS
    return is_small and counted + steps * step < steps * SUMMED * N * D * d


def _sum_of_squares(rows: np.ndarray, weights: Weights) -> float:
    squares = np.einsum("nd,nd->n", rows, rows, dtype=np.float64)
    return float(weighted(squares, weights).sum())


def fit_code_embeddings(
    vectors: np.ndarray,
    codes: np.ndarray,
    K: int,
    weights: Weights = None,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Finds the code embeddings with the least squared error for given codes.

    The system never has full rank, since a constant can move from one position
    to another, and some values may be unused. The ridge selects the shortest
    code embeddings for the rows without their mean. The mean divided by D is
    then added to all of them, so an unused value gets exactly that.

    Args:
        vectors: array of float32, shape `(N, d)`.
        codes: array of int, shape `(N, D)`, in `{0..K-1}`.
        K: int. Number of values per position.
        weights: array of float32, shape `(N,)`, or None. How many times the
            error of each row counts.
        start: array of float32, shape `(D, K, d)`, or None. Code embeddings
            that are near the best ones, from which conjugate gradients take
            fewer steps; a direct solution needs none. Constants that cancel
            between positions stay as they are in it.

    Returns:
        array of float32, shape `(D, K, d)`.
    """
    D, d = codes.shape[1], vectors.shape[1]
    # Without the mean, zero is sensible for an unused value, and float32 rows
    # lose no precision to a large offset.
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = (vectors - mean).astype(np.float32)
    if D * K <= DIRECT_UNKNOWNS:
        normal = _pair_counts(codes, K, weights)
        normal[np.diag_indices(D * K)] += RIDGE
        right = _sums(centred, codes, K, weights).reshape(D * K, d)
        solution = np.linalg.solve(normal, right).reshape(D, K, d)
    else:
        if start is not None:
            start = start - (mean / D).astype(np.float32)
        solution = _conjugate_gradients(
            centred, codes, K, ITERATIONS, weights, start
        )
    return (solution + mean / D).astype(np.float32)


def fit_in_order(
    vectors: np.ndarray, codes: np.ndarray, K: int, passes: int = 3
) -> np.ndarray:
    """Finds nearly the best code embeddings that suit a beam search.

    Each position is fitted to the remainder of the previous positions, as in
    residual quantisation; then come steps towards least squares. With least
    squares alone, the sum of the first few code embeddings would not be near
    the vector.

    Args:
        vectors: array of float32, shape `(N, d)`.
        codes: array of int, shape `(N, D)`, in `{0..K-1}`.
        K: int. Number of values per position.
        passes: int. As in `improve_code_embeddings`.

    Returns:
        array of float32, shape `(D, K, d)`.
    """
    D, d = codes.shape[1], vectors.shape[1]
    mean = vectors.mean(axis=0, dtype=np.float64)
    rows = (vectors - mean).astype(np.float32)
    tables = np.empty((D, K, d), np.float32)
    rests = rows.copy()
    for j in range(D):
        sums, counts = sum_by_value(rests, codes[:, j], K)
        tables[j] = sums / np.maximum(counts, 1)[:, None]
        rests -= tables[j][codes[:, j]]
    tables = improve_code_embeddings(rows, codes, tables, passes)
    tables[0] += mean
    return tables


def improve_code_embeddings(
    vectors: np.ndarray,
    codes: np.ndarray,
    code_embeddings: np.ndarray,
    passes: int = 3,
    weights: Weights = None,
) -> np.ndarray:
    """Moves code embeddings towards those with the least squared error.

    Uses block Gauss-Seidel on the normal equations: each position in turn gets
    its best code embeddings, given those of the other positions. Within a
    position the equations are diagonal. (With more than `DIRECT_UNKNOWNS`, it
    takes three steps of conjugate gradients for each pass.) When only a few
    codes have changed, this costs far less than `fit_code_embeddings` and works
    as well in an alternation.

    Args:
        vectors: array of float32, shape `(N, d)`, without their mean.
        codes: array of int, shape `(N, D)`.
        code_embeddings: array of float32, shape `(D, K, d)`. Not changed.
        passes: int. Number of passes over all positions.
        weights: array of float32, shape `(N,)`, or None. How many times the
            error of each row counts.

    Returns:
        array of float32, shape `(D, K, d)`. But for the ridge, the error is
        never higher than before. A value that no row has becomes zero.
    """
    D, K, d = code_embeddings.shape
    if D * K > DIRECT_UNKNOWNS:
        return _conjugate_gradients(
            vectors, codes, K, 3 * passes, weights, code_embeddings
        ).astype(np.float32)
    normal = _pair_counts(codes, K, weights, np.float32)
    right = _sums(vectors, codes, K, weights).astype(np.float32)
    flat = code_embeddings.reshape(D * K, d).copy()
    tables = flat.reshape(D, K, d)
    counts = normal.diagonal().reshape(D, K, 1)
    counts = np.where(counts > 0, counts, np.float32(1))
    normal[np.diag_indices(D * K)] = 0
    for _ in range(passes):
        for j in range(D):
            others = normal[j * K : (j + 1) * K] @ flat
            tables[j] = (right[j] - others) / counts[j]
    return tables
