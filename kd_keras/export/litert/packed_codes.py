"""The codes of an embedding in a graph: packed, and shorter in lower tiers."""

from typing import Any

import numpy as np
import tensorflow as tf

from kd_keras.codes.packed_tiers import pack_tiers
from kd_keras.codes.tiers import Tiers
from kd_keras.export.litert.sum_of_values import sum_of_values
from kd_keras.export.litert.unpack_rows import unpack_rows


class PackedCodes(tf.Module):
    """Holds the packed codes of each tier, and the ranks of the symbols.

    Without tiers that is one table, uint8 `(N, ceil(D*b / 8))`.

    Args:
        codes: array of int, shape `(N, D)`.
        K: int, 2 to 65,536. Number of values of a code position.
        tiers: `Tiers` or None.
        only_summed: bool. Whether only `sum_values` will be called. Then the
            tables are stored as it reads them: transposed.
    """

    def __init__(
        self,
        codes: np.ndarray,
        K: int,
        tiers: Tiers | None,
        only_summed: bool = False,
    ) -> None:
        super().__init__(name="packed_codes")
        N, self.D = codes.shape
        self.K = K
        self._only_summed = only_summed
        self._parts = [(slice(0, N), self.D)]
        if tiers is not None:
            self._parts = list(tiers.parts(N))
        tables, ranks = pack_tiers(codes, K, tiers)
        self._tables = [
            tf.Variable(
                table.T if only_summed else table, trainable=False, name="codes"
            )
            for table in tables
        ]
        self._ranks: Any = None
        if ranks is not None:
            self._ranks = tf.Variable(ranks, trainable=False, name="ranks")

    @property
    def stored(self) -> list[Any]:
        """The variables that a file holds."""
        return self._tables + ([] if self._ranks is None else [self._ranks])

    def of(self, ids: Any) -> Any:
        """Looks codes up.

        Args:
            ids: tensor of int32, shape `(n,)`. If one is out of range, a gather
                fails.

        Returns:
            Tensor of int32, shape `(n, D)`.
        """
        if len(self._parts) == 1:
            return self._rows(0, ids)
        if self._ranks is not None:
            ids = _as_int32(tf.gather(self._ranks, ids))
        N = self._parts[-1][0].stop
        codes: Any = 0
        for tier, (rows, D) in enumerate(self._parts):
            here = tf.zeros((1, self.D), tf.int32)
            if D:
                # Ids of other tiers take any row; ids from N on stay wrong.
                row = tf.clip_by_value(
                    ids - rows.start, 0, rows.stop - rows.start - 1
                )
                if tier == 0:
                    row = tf.where((ids >= 0) & (ids < N), row, ids)
                here = self._rows(tier, row)
                here = tf.pad(here, [[0, 0], [0, self.D - D]])
            if tier == 0:
                codes = here
            else:
                codes = tf.where(ids[:, None] >= rows.start, here, codes)
        return codes

    def _rows(self, tier: int, rows: Any) -> Any:
        packed = tf.gather(self._tables[tier], rows)
        return unpack_rows(packed, self.K, self._parts[tier][1])

    def sum_values(self, values: Any, zero: Any) -> Any:
        """Adds up the numbers of each symbol's D values.

        Args:
            values: tensor of float32, shape `(D * K, n)`: n numbers for each
                value of each position.
            zero: tensor of int32, `[0]`, which the converter cannot work out.
                It would unfold tables that are read as a whole.

        Returns:
            Tensor of float32, shape `(N, n)`.
        """

        def whole(table: Any) -> Any:
            return tf.reshape(tf.gather(table[None], zero), table.shape)

        sums = []
        for tier, (rows, D) in enumerate(self._parts):
            total: Any = 0
            if D:
                packed = whole(self._tables[tier])
                if not self._only_summed:
                    packed = tf.transpose(packed)
                total = sum_of_values(values[: D * self.K], packed, self.K, D)
            if D < self.D:  # at the other positions the value is 0
                rest = tf.reduce_sum(values[D * self.K :: self.K], axis=0)
                count = rows.stop - rows.start
                total += rest if D else tf.tile(rest[None], [count, 1])
            sums.append(total)
        if len(sums) == 1:
            return sums[0]
        found = tf.concat(sums, axis=0)
        if self._ranks is None:
            return found
        return tf.gather(found, _as_int32(whole(self._ranks)))


def _as_int32(ranks: Any) -> Any:
    if ranks.dtype == tf.int16:  # 16 bits without a sign, see `stored_ranks`
        return tf.cast(ranks, tf.int32) + 2**15
    return ranks
