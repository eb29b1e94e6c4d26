"""Beam search of additive codes for fixed code embeddings."""

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.utils.cores import spread

# Number of partial codes that `beam_start` keeps for each row. K-means
# learns only from the remainders of the best few of them, and from a sample
# (measured: with all 16 the error is 10 % higher).
BEAM = 16


# Limits on the rows whose partial codes are extended at a time, so that they
# stay in cache: the number of scores (row, partial code, value) and of floats.
# A row has fewer partial codes if K is so large that its scores alone exceed
# the limit.
CACHED_SCORES = 1 << 17


CACHED_FLOATS = 1 << 18


def beam_codes(
    vectors: np.ndarray, tables: np.ndarray, beam: int = BEAM
) -> np.ndarray:
    """Finds codes for given code embeddings by beam search.

    Args:
        vectors: array of float32, shape `(N, d)`.
        tables: array of float32, shape `(D, K, d)`. The code embeddings; each
            position codes the remainder of the previous positions.
        beam: int. Number of partial codes kept for each row, limited to
            2^17 / K.

    Returns:
        array of uint8 or uint16, shape `(N, D)`.
    """
    D, K, _ = tables.shape
    found: np.ndarray = np.empty((len(vectors), D), code_dtype(K))
    positions = [Position(table, beam) for table in tables]
    step = positions[0].rows_at_a_time

    def search(start: int) -> None:
        part = slice(start, start + step)
        rests = vectors[part, None]
        codes: np.ndarray = np.zeros((len(rests), 1, D), found.dtype)
        for j, position in enumerate(positions):
            rests, codes = position.extend(rests, codes, j)
        found[part] = codes[:, 0]

    spread(search, range(0, len(vectors), step))
    return found


class Position:
    """A position by which partial codes are extended.

    Args:
        table: array of float32, shape `(K, d)`. Its code embeddings.
        beam: int. Largest number of partial codes kept for each row.

    Attributes:
        rows_at_a_time: int. Number of rows that fit into cache together.
    """

    def __init__(self, table: np.ndarray, beam: int) -> None:
        K, d = table.shape
        self._table = table
        self._beam = beam
        # |r - w|^2 = |r|^2 - 2 r.w + |w|^2
        self._doubled = np.ascontiguousarray(-2 * table.T)
        self._norms = np.einsum("kd,kd->k", table, table)
        most = self.kept(beam)
        self.rows_at_a_time = max(
            1, min(CACHED_SCORES // (most * K), CACHED_FLOATS // (most * d))
        )

    def kept(self, given: int) -> int:
        """Returns the number of partial codes kept after this position.

        Args:
            given: int. Number of partial codes before this position.

        Returns:
            int.
        """
        K = len(self._table)
        return max(1, min(self._beam, given * K, CACHED_SCORES // K))

    def extend(
        self, rests: np.ndarray, codes: np.ndarray, j: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Adds a value to every partial code and keeps the best results.

        Args:
            rests: array of float32, shape `(N, given, d)`. The remainders of
                the partial codes.
            codes: array of int, shape `(N, given, D)`. The partial codes.
            j: int. The number of this position.

        Returns:
            `(rests, codes)`: the kept partial codes, the best first.
        """
        count, given, d = rests.shape
        K = len(self._table)
        kept = self.kept(given)
        # One product per row, which is small enough for most tables that
        # OpenBLAS does not use several threads: `spread` already does.
        scores = rests @ self._doubled
        scores += self._norms
        scores += np.einsum("nbd,nbd->nb", rests, rests)[:, :, None]
        scores = scores.reshape(count, given * K)
        # numpy's partition is far faster than its argpartition. So the index
        # of a score (partial code and value) is written into the lowest bits
        # of its mantissa, at most 17 of 23. Once the row's lowest score is
        # subtracted, the bits that are lost make no difference that matters.
        scores -= scores.min(axis=1, keepdims=True)
        low = np.int32((1 << max(1, (given * K - 1).bit_length())) - 1)
        bits = scores.view(np.int32)
        bits &= ~low
        bits |= np.arange(given * K, dtype=np.int32)
        scores.partition(kept - 1, axis=1)
        best = np.sort(scores[:, :kept], axis=1).view(np.int32) & low
        parent, value = np.divmod(best, K)
        parent += given * np.arange(count, dtype=np.int32)[:, None]
        new_rests = rests.reshape(-1, d).take(parent, axis=0)
        new_rests -= self._table.take(value, axis=0)
        new_codes = codes.reshape(-1, codes.shape[2]).take(parent, axis=0)
        new_codes[:, :, j] = value
        return new_rests, new_codes
