"""Codes and code embeddings of a table for the concat composition.

Reference:
    Jegou, Douze & Schmid, "Product quantization for nearest neighbor
    search", 2011.
"""

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.search.methods.kmeans import kmeans, nearest
from kd_keras.utils.cores import one_blas_thread
from kd_keras.utils.progress_bar import Progress


@one_blas_thread()
def fit_concat(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Learns concat (product) codes: k-means in each of D slices.

    Args:
        vectors: float `(N, d)`, D divides d.
        K: values of a position, at most N.
        D: positions.
        seed: decides every random choice.
        progress: called with (share done, error so far).

    Returns:
        Codes, uint8 or uint16 `(N, D)`, and code embeddings, float32
        `(D, K, d / D)`.
    """
    slices = np.split(np.asarray(vectors, np.float32), D, axis=1)
    codes: np.ndarray = np.empty((len(vectors), D), code_dtype(K))
    tables, error = [], 0.0
    for j, part in enumerate(slices):
        part = np.ascontiguousarray(part)
        labels, centres = kmeans(part, K, seed + j, swaps=3)
        codes[:, j] = labels
        tables.append(centres)
        gap = (part - centres[labels]).astype(np.float64)  # may be 1e30
        error += float(np.square(gap).sum(axis=1).mean())
        if progress:
            progress((j + 1) / D, error)
    return codes, np.stack(tables)


@one_blas_thread()
def encode_concat(
    vectors: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Returns the nearest concat codes, uint8 or uint16 `(N, D)`.

    Args:
        vectors: float `(N, d)`.
        code_embeddings: float32 `(D, K, d / D)`.
    """
    D, K, _ = code_embeddings.shape
    slices = np.split(np.asarray(vectors, np.float32), D, axis=1)
    labels = []
    for part, table in zip(slices, code_embeddings, strict=True):
        # As in `kmeans`: squares of 1e30 do not fit float32, and far from 0
        # the differences would drown.
        mean = table.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = np.abs(table - mean).max() or np.float32(1)
        centres = (table - mean) / scale
        rows = np.ascontiguousarray((part - mean) / scale)
        labels.append(nearest(rows, centres)[0])
    return np.stack(labels, axis=1).astype(code_dtype(K))


def decode_concat(codes: np.ndarray, code_embeddings: np.ndarray) -> np.ndarray:
    """Returns float32 `(N, d)`: the D named slices side by side."""
    D = len(code_embeddings)
    rows = code_embeddings[np.arange(D), codes]  # (N, D, d / D)
    return rows.reshape(len(codes), -1)
