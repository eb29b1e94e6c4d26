"""Codes and code embeddings of a table for the concat composition.

References:
    Jegou, Douze & Schmid, "Product quantization for nearest neighbor
    search", 2011.
"""

import threading

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.search.methods.kmeans import kmeans, nearest
from kd_keras.search.methods.weighted_rows import Weights, weighted_mean
from kd_keras.utils.cores import one_blas_thread, spread
from kd_keras.utils.progress_bar import Progress

# At effort 1: the largest number of consecutive Lloyd steps, and of swaps
# without improvement. At effort 0.2, on 50,000 rows of GloVe and K = 16, the
# squared error was up to 0.5 % larger, after a quarter of the time.
ITERATIONS, SWAPS = 100, 3
LEAST_ITERATIONS = 5


@one_blas_thread()
def fit_concat(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int = 0,
    progress: Progress | None = None,
    weights: Weights = None,
    effort: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Learns concat (product) codes by k-means in each of D slices.

    As many slices at a time as there are cores.

    Args:
        vectors: array of float, shape `(N, d)`. D must divide d.
        K: int, at most N. Number of values per position.
        D: int. Number of positions.
        seed: int. Seed of all random choices.
        progress: callable or None. Called with the fraction done and the error
            so far.
        weights: array of float32, shape `(N,)`, positive, or None. How many
            times the error of each row counts; the mean of all is 1.
        effort: float, 0 to 1,000. Number of steps, in units of the defaults.

    Returns:
        `(codes, code_embeddings)`: array of uint8 or uint16, shape `(N, D)`,
        and array of float32, shape `(D, K, d / D)`.
    """
    slices = np.split(np.asarray(vectors, np.float32), D, axis=1)
    iterations = max(LEAST_ITERATIONS, round(effort * ITERATIONS))
    swaps = round(effort * SWAPS)
    codes: np.ndarray = np.empty((len(vectors), D), code_dtype(K))
    tables: np.ndarray = np.empty((D, K, slices[0].shape[1]), np.float32)
    errors: list[float] = []
    telling = threading.Lock()

    def fit_slice(j: int) -> None:
        part = np.ascontiguousarray(slices[j])
        labels, centres = kmeans(
            part, K, seed + j, iterations, swaps, weights=weights
        )
        codes[:, j], tables[j] = labels, centres
        gap = (part - centres[labels]).astype(np.float64)  # values may be 1e30
        error = weighted_mean(np.square(gap).sum(axis=1), weights)
        with telling:
            errors.append(error)
            if progress:
                progress(len(errors) / D, sum(errors))

    spread(fit_slice, range(D))
    return codes, tables


@one_blas_thread()
def encode_concat(
    vectors: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Finds the nearest concat codes.

    Args:
        vectors: array of float, shape `(N, d)`.
        code_embeddings: array of float32, shape `(D, K, d / D)`.

    Returns:
        array of uint8 or uint16, shape `(N, D)`.
    """
    D, K, _ = code_embeddings.shape
    slices = np.split(np.asarray(vectors, np.float32), D, axis=1)
    labels = []
    for part, table in zip(slices, code_embeddings, strict=True):
        # As in `kmeans`: squares of 1e30 overflow float32, and far from 0 the
        # differences would be lost to rounding.
        mean = table.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = np.abs(table - mean).max() or np.float32(1)
        centres = (table - mean) / scale
        rows = np.ascontiguousarray((part - mean) / scale)
        labels.append(nearest(rows, centres)[0])
    return np.stack(labels, axis=1).astype(code_dtype(K))


def decode_concat(codes: np.ndarray, code_embeddings: np.ndarray) -> np.ndarray:
    """Concatenates the code embeddings selected by the codes.

    Args:
        codes: array of int, shape `(N, D)`.
        code_embeddings: array of float32, shape `(D, K, d / D)`.

    Returns:
        array of float32, shape `(N, d)`.
    """
    D = len(code_embeddings)
    rows = code_embeddings[np.arange(D), codes]  # (N, D, d / D)
    return rows.reshape(len(codes), -1)
