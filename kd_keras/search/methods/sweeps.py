"""Gibbs sweeps over the codes of a block of rows.

The scores of a position's values, given the other positions, can be computed in
two ways: from the remainder, with a matrix product each time; or by looking up
inner products that are computed once, between rows and code embeddings and
between code embeddings. The second way is faster with few positions and long
code embeddings, but pays off only after some sweeps.
"""

from abc import ABC, abstractmethod

import numpy as np

from kd_keras.search.methods.additive_sum import additive_errors

# OpenBLAS uses one thread for products with fewer multiplications than this,
# even if `spread` does not request it. Our own threads over the blocks are
# faster than its threads within each product.
SERIAL_PRODUCT = 1 << 18
LEAST_GROUP = 16
# Gumbel noise is read from random places in one table; drawing it each time
# would take longer than everything else.
NOISE = 1 << 20
# Largest number of products of code embeddings with each other: 64 MiB.
MOST_PRODUCTS = 1 << 24
# Nanoseconds per row, measured on a core of 2024: for a multiplication in a
# matrix product, for reading a row of a table, and for each number in it.
MULTIPLIED, ROW_READ, NUMBER_READ = 0.022, 5.0, 0.2


def gumbel_noise(seed: int) -> np.ndarray:
    """Draws the table of Gumbel noise that `search_codes` reads.

    Args:
        seed: int.

    Returns:
        array of float32, shape `(2^20,)`.
    """
    return np.random.default_rng(seed).gumbel(size=NOISE).astype(np.float32)


class ScoringTables:
    """Code embeddings, prepared for the sweeps over all blocks of rows.

    Args:
        code_embeddings: array of float32, shape `(D, K, d)`.
        rows: int. Number of rows in all blocks.
        sweeps: int. Number of sweeps. With the number of rows, it decides
            which way to compute scores is faster.

    Attributes:
        tables: array of float32, shape `(D, K, d)`. The code embeddings.
        half_norms: array of float32, shape `(D, K)`. Half of their squared
            lengths.
        products: array of float32, shape `(D, D, K, K)`, or None. Their inner
            products, if scores are looked up.
    """

    def __init__(
        self, code_embeddings: np.ndarray, rows: int, sweeps: int
    ) -> None:
        self.tables = code_embeddings
        self.half_norms = 0.5 * np.einsum(
            "jkd,jkd->jk", code_embeddings, code_embeddings
        )
        self.products = None
        D, K, d = code_embeddings.shape
        if _lookup_pays(rows, D, K, d, sweeps):
            self.products = np.empty((D, D, K, K), np.float32)
            for i, table in enumerate(code_embeddings):
                for j, other in enumerate(code_embeddings):
                    np.matmul(table, other.T, out=self.products[i, j])

    def block(self, vectors: np.ndarray, codes: np.ndarray) -> "_Block":
        """Makes a block of rows that starts from the given codes.

        Args:
            vectors: array of float32, shape `(n, d)`.
            codes: array of int, shape `(n, D)`.

        Returns:
            A block, with methods `sweep` and `errors` and the attribute
            `codes`, shape `(D, n)`.
        """
        kind = _RemainderBlock if self.products is None else _LookupBlock
        return kind(self, vectors, codes)


def scoring_time(D: int, K: int, d: int) -> float:
    """Estimates the time to score one position of one row in many sweeps.

    Args:
        D: int. Number of positions.
        K: int. Number of values per position.
        d: int. Size of a row.

    Returns:
        float. The time in nanoseconds.
    """
    return min(_from_remainder(K, d), _looked_up(D, K))


def _from_remainder(K: int, d: int) -> float:
    # One code embedding is added to the remainder and another is subtracted.
    return MULTIPLIED * K * d + 2 * (ROW_READ + NUMBER_READ * d)


def _looked_up(D: int, K: int) -> float:
    if D == 1 or (D * K) ** 2 > MOST_PRODUCTS:
        return np.inf
    return (D - 1) * (ROW_READ + NUMBER_READ * K)


def _lookup_pays(rows: int, D: int, K: int, d: int, sweeps: int) -> bool:
    products = MULTIPLIED * K * d * (1 + D * K / max(rows, 1))
    return products + sweeps * _looked_up(D, K) < sweeps * _from_remainder(K, d)


class _Block(ABC):
    """Rows that are searched together: their codes and scratch space."""

    def __init__(
        self, shared: ScoringTables, vectors: np.ndarray, codes: np.ndarray
    ) -> None:
        self.shared = shared
        self.vectors = vectors
        self.codes = codes.T.astype(np.intp, order="C")
        K = shared.tables.shape[1]
        self.scores = np.empty((len(vectors), K), np.float32)

    @abstractmethod
    def score(self, j: int) -> None:
        """Writes the score of each value of position j to `scores`.

        A score is half of the reduction of the squared error |r|^2 that the
        other positions leave: r.w - |w|^2 / 2.
        """

    @abstractmethod
    def choose(self, j: int, values: np.ndarray) -> None:
        """Sets the values of position j, after it was scored."""

    def sweep(
        self, temperature: float, noise: np.ndarray, rng: np.random.Generator
    ) -> None:
        """Draws every position once, in random order."""
        for j in rng.permutation(len(self.codes)):
            self.score(j)
            if temperature:
                # The argmax of s + Gumbel noise is a draw from softmax(s).
                self.scores *= np.float32(2 / temperature)
                self._add_noise(noise, int(rng.integers(NOISE - 1)))
            self.choose(j, self.scores.argmax(axis=1))

    def _add_noise(self, noise: np.ndarray, start: int) -> None:
        flat = self.scores.reshape(-1)
        done = 0
        while done < len(flat):
            part = flat[done : done + NOISE - start]
            part += noise[start : start + len(part)]
            done += len(part)
            start = 0

    def errors(self) -> np.ndarray:
        """Computes the squared error of each row."""
        return additive_errors(self.vectors, self.codes.T, self.shared.tables)


class _RemainderBlock(_Block):
    """A block that keeps the remainder of each row."""

    def __init__(
        self, shared: ScoringTables, vectors: np.ndarray, codes: np.ndarray
    ) -> None:
        super().__init__(shared, vectors, codes)
        self.remainders = vectors.astype(np.float32)
        self.found = np.empty_like(self.remainders)
        for j in range(len(self.codes)):
            self.remainders -= self._embedded(j)

    def _embedded(self, j: int) -> np.ndarray:
        return _look_up(self.shared.tables[j], self.codes[j], self.found)

    def score(self, j: int) -> None:
        self.remainders += self._embedded(j)
        _product(self.remainders, self.shared.tables[j].T, self.scores)
        self.scores -= self.shared.half_norms[j]

    def choose(self, j: int, values: np.ndarray) -> None:
        self.codes[j] = values
        self.remainders -= self._embedded(j)


class _LookupBlock(_Block):
    """A block that keeps the rows' products with all code embeddings."""

    def __init__(
        self, shared: ScoringTables, vectors: np.ndarray, codes: np.ndarray
    ) -> None:
        super().__init__(shared, vectors, codes)
        self.alone = np.empty((len(codes.T), *self.scores.shape), np.float32)
        for table, norms, out in zip(
            shared.tables, shared.half_norms, self.alone, strict=True
        ):
            _product(vectors, table.T, out)
            out -= norms
        self.found = np.empty_like(self.scores)

    def score(self, j: int) -> None:
        np.copyto(self.scores, self.alone[j])
        for i, values in enumerate(self.codes):
            if i != j:
                table = self.shared.products[i, j]  # type: ignore[index]
                self.scores -= _look_up(table, values, self.found)

    def choose(self, j: int, values: np.ndarray) -> None:
        self.codes[j] = values


def _look_up(
    table: np.ndarray, values: np.ndarray, out: np.ndarray
) -> np.ndarray:
    # With the default mode, "raise", numpy would copy `out`.
    return table.take(values, axis=0, out=out, mode="clip")


def _product(rows: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """Multiplies `(n, d)` by `(d, K)`, some rows at a time."""
    group = SERIAL_PRODUCT // matrix.size // 8 * 8
    whole = len(rows) // group * group if group >= LEAST_GROUP else 0
    if whole:
        np.matmul(
            rows[:whole].reshape(-1, group, rows.shape[1]),
            matrix,
            out=out[:whole].reshape(-1, group, out.shape[1]),
        )
    if whole < len(rows):
        np.matmul(rows[whole:], matrix, out=out[whole:])
