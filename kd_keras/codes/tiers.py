"""Tiers: shorter codes for rare symbols.

A symbol of a lower tier has fewer positions. Its code is a prefix: at the other
positions all symbols of the tier have the value 0, which is not stored. So one
set of code embeddings and one composition serve all tiers, and in memory codes
are an array `(N, D)` as without tiers.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from kd_keras.codes.checks import check_kd
from kd_keras.utils.checks import check_integer, plain_array


@dataclasses.dataclass(frozen=True)
class Tiers:
    """How many positions the codes of N symbols have.

    Tier t has the symbols of rank `ends[t - 1]` to `ends[t] - 1`, the last tier
    all others. The rank is the id, unless the codes say otherwise (see
    `order_of`).

    Attributes:
        D: tuple of int, falling, at least two. Positions in each tier. The last
            may be 0: its symbols share one vector.
        ends: tuple of int, rising. Number of symbols up to the end of each tier
            but the last.
    """

    D: tuple[int, ...]
    ends: tuple[int, ...]

    def parts(self, N: int) -> Iterator[tuple[slice, int]]:
        """Yields the ranks and the number of positions of each tier."""
        yield from zip(
            map(slice, (0, *self.ends), (*self.ends, N)), self.D, strict=True
        )

    def lengths(self, N: int) -> np.ndarray:
        """Returns the number of positions by rank, int32 `(N,)`."""
        sizes = np.diff([0, *self.ends, N])
        return np.repeat(np.array(self.D, np.int32), sizes)

    def cut(self, codes: np.ndarray) -> np.ndarray:
        """Returns codes `(N, D)` with 0 where a symbol has no position.

        The ids are the ranks.
        """
        short = np.arange(codes.shape[1]) < self.lengths(len(codes))[:, None]
        return np.where(short, codes, 0).astype(codes.dtype)

    def order_of(self, codes: np.ndarray) -> np.ndarray | None:
        """Returns the symbols by rank, so that no code is cut.

        Args:
            codes: array of int, shape `(N, D)`.

        Returns:
            array of int, `(N,)`: the ids in the order of their ranks; None if
            the ids are the ranks.

        Raises:
            ValueError: If more codes are long than the tiers allow.
        """
        N = len(codes)
        if not any(codes[ids, D:].any() for ids, D in self.parts(N)):
            return None
        used = codes.shape[1] - (codes[:, ::-1] != 0).argmax(axis=1)
        used[~codes.any(axis=1)] = 0
        # The lowest tier that holds the code.
        tier = (used[:, None] <= np.array(self.D)).sum(axis=1) - 1
        for t, end in enumerate(self.ends):
            long = int((tier <= t).sum())
            if long > end:
                raise ValueError(
                    f"At most {end:,} codes may use more than {self.D[t + 1]} "
                    f"positions: the others must be 0. Received: {long:,} "
                    "such codes"
                )
        return np.argsort(tier, kind="stable")


def read_tiers(
    K: int,
    D: int | Sequence[int],
    ends: Sequence[int] | None,
    N: int | None = None,
) -> tuple[int, int, Tiers | None]:
    """Checks the sizes of codes that may have tiers.

    Args:
        K: int, 2 to 65,536. Number of values of a position.
        D: int, or a sequence of falling ints with a number for each tier.
        ends: None if D is an int, else a sequence of rising ints, one fewer
            than D has. See `Tiers`.
        N: int or None. Number of symbols, above the last of `ends`.

    Returns:
        `(K, D, tiers)`: ints, D the number of positions of the first tier; and
        `Tiers`, or None if D is an int.

    Raises:
        ValueError: If one is out of its range, or they do not fit together.

    Example:

    >>> read_tiers(16, 8, None)
    (16, 8, None)
    >>> read_tiers(16, (32, 8, 0), (1_000, 5_000))
    (16, 32, Tiers(D=(32, 8, 0), ends=(1000, 5000)))
    """
    D, ends = _as_tuple(D), _as_tuple(ends)
    received = f"Received: D={D}, tiers={ends}"
    if ends is None:
        if isinstance(D, tuple):
            raise ValueError(
                "Several numbers D need `tiers`, the number of symbols up to "
                f"the end of each tier but the last. {received}"
            )
        return *check_kd(K, cast(int, D)), None
    if not (isinstance(D, tuple) and isinstance(ends, tuple)) or not (
        0 < len(ends) == len(D) - 1
    ):
        raise ValueError(
            "`tiers` must have one number fewer than D, for instance "
            f"D=(32, 8), tiers=(1000,). {received}"
        )
    K, first = check_kd(K, D[0])
    lengths = (
        first,
        *(check_integer("D", x, "a number from 0 on", 0) for x in D[1:]),
    )
    limits = tuple(check_integer("`tiers`", x) for x in ends)
    if sorted(set(lengths), reverse=True) != list(lengths):
        raise ValueError(f"D must fall from tier to tier. {received}")
    if sorted(set(limits)) != list(limits):
        raise ValueError(f"`tiers` must rise. {received}")
    if N is not None and limits[-1] >= N:
        raise ValueError(
            f"`tiers` must end below the number of symbols, {N:,}. {received}"
        )
    return K, first, Tiers(lengths, limits)


def _as_tuple(value: Any) -> Any:
    """Returns a list or an array of one axis as a tuple."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return tuple(value.tolist())
    return tuple(value) if isinstance(value, list) else value


def tier_config(D: int, tiers: Tiers | None) -> dict[str, Any]:
    """Returns what `read_tiers` takes, as keyword arguments D and `tiers`."""
    if tiers is None:
        return {"D": D, "tiers": None}
    return {"D": tiers.D, "tiers": tiers.ends}


def check_lengths(lengths: npt.ArrayLike, N: int, D: int) -> np.ndarray:
    """Checks the numbers of positions of N codes.

    Args:
        lengths: array of int, 0 to D, shape `(N,)`.
        N: int.
        D: int.

    Returns:
        The lengths as an array.

    Raises:
        ValueError: If they are not.
    """
    array = plain_array("`lengths`", lengths)
    if array.dtype.kind not in "iu" or array.shape != (N,):
        raise ValueError(
            f"`lengths` must be {N:,} integers. Received: "
            f"dtype={array.dtype}, shape={array.shape}"
        )
    if N and not 0 <= int(array.min()) <= int(array.max()) <= D:
        raise ValueError(
            f"`lengths` must be from 0 to D={D}. Received: from {array.min()} "
            f"to {array.max()}"
        )
    return array


def rank_bytes(N: int) -> int:
    """Returns the number of bytes of a rank of N symbols in a file."""
    return 2 if N <= 1 << 16 else 4


def stored_ranks(codes: np.ndarray, tiers: Tiers) -> np.ndarray | None:
    """Returns the rank of each symbol in the form that a file stores it.

    Args:
        codes: array of int, shape `(N, D)`.
        tiers: `Tiers`.

    Returns:
        None if the ids are the ranks; else an array `(N,)`: int16, the rank
        minus 2^15, up to N = 65,536, else int32. (LiteRT has no gather of
        uint16.)

    Raises:
        ValueError: See `Tiers.order_of`.
    """
    order = tiers.order_of(codes)
    if order is None:
        return None
    ranks = np.empty(len(order), np.int32)
    ranks[order] = np.arange(len(order))
    if rank_bytes(len(order)) == 2:
        return (ranks - 2**15).astype(np.int16)
    return ranks
