"""Beam search of additive codes under fixed code embeddings."""

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.utils.cores import spread

# Partial codes kept of each row by `residual_start`. K-means learns from the
# remainders of the best few of them alone (measured: from all 16 the error is
# 10 % higher), and from a sample of so many.
BEAM = 16


# Rows whose partial codes are extended at a time, so that they stay in cache:
# so many scores (row, partial code, value), and so many floats. A row has
# fewer partial codes where K is so large that its scores alone are more.
SCORES = 1 << 17


FLOATS = 1 << 18


def beam_codes(
    vectors: np.ndarray, tables: np.ndarray, beam: int = BEAM
) -> np.ndarray:
    """Finds codes under given code embeddings by beam search.

    Args:
        vectors: float32 `(N, d)`.
        tables: float32 `(D, K, d)`. Each position codes what those before it
            have left.
        beam: partial codes kept of each row, no more than 2^17 / K.

    Returns:
        Codes, uint8 or uint16 `(N, D)`.
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
    """A position that partial codes are extended by."""

    def __init__(self, table: np.ndarray, beam: int):
        K, d = table.shape
        self._table = table
        self._beam = beam
        # |r - w|^2 = |r|^2 - 2 r.w + |w|^2
        self._doubled = np.ascontiguousarray(-2 * table.T)
        self._norms = np.einsum("kd,kd->k", table, table)
        most = self.kept(beam)
        self.rows_at_a_time = max(
            1, min(SCORES // (most * K), FLOATS // (most * d))
        )

    def kept(self, given: int) -> int:
        """Tells how many partial codes there are after this position."""
        K = len(self._table)
        return max(1, min(self._beam, given * K, SCORES // K))

    def extend(
        self, rests: np.ndarray, codes: np.ndarray, j: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Adds its values to every partial code and keeps the best of them."""
        count, given, d = rests.shape
        K = len(self._table)
        kept = self.kept(given)
        # A product for each row, so small in most tables that OpenBLAS never
        # spreads it over the cores, which have a thread of ours already.
        scores = rests @ self._doubled
        scores += self._norms
        scores += np.einsum("nbd,nbd->nb", rests, rests)[:, :, None]
        scores = scores.reshape(count, given * K)
        # numpy's partition is far faster than its argpartition: write where a
        # score is, partial code and value, into the lowest of its 23 bits, 17
        # at most. Above the row's least, the few bits that are lost tell no
        # two apart that matter.
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
