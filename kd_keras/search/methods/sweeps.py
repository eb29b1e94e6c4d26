"""Gibbs sweeps over the codes of a block of rows.

What a position's values score, given the other positions, can be computed in
two ways. From the residual, a product of matrices each time; or from inner
products that are taken once, of the rows and of the code embeddings with each
other, by looking them up. The second is faster where there are few positions
and long code embeddings, and takes some sweeps to pay.
"""

from abc import ABC, abstractmethod

import numpy as np

from kd_keras.search.methods.additive_sum import additive_errors

# OpenBLAS uses one thread below this many multiplications, also where `spread`
# does not tell it to; our own threads over the blocks do better than its
# threads inside of each product.
SERIAL_PRODUCT = 1 << 18
LEAST_GROUP = 16
# Gumbel noise is read from random places of one table; drawing it afresh
# would take longer than everything else.
NOISE = 1 << 20
# Products of all code embeddings with each other: up to 64 MiB.
MOST_PRODUCTS = 1 << 24
# Nanoseconds a row, measured on a core of 2024: a multiplication of a matrix
# product; reading a row of a table, and each number of it.
MULTIPLIED, ROW_READ, NUMBER_READ = 0.022, 5.0, 0.2


def gumbel_noise(seed: int) -> np.ndarray:
    """Returns the table of noise that `search_codes` reads, float32."""
    return np.random.default_rng(seed).gumbel(size=NOISE).astype(np.float32)


class ScoringTables:
    """Code embeddings, and what all blocks of rows need of them."""

    def __init__(self, code_embeddings: np.ndarray, rows: int, sweeps: int):
        """Prepares for so many rows and sweeps, which decide what pays."""
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

    def block(self, vectors, codes):
        """Starts a block of rows at the codes that they have."""
        kind = _ResidualBlock if self.products is None else _LookupBlock
        return kind(self, vectors, codes)


def scoring_time(D: int, K: int, d: int) -> float:
    """Estimates nanoseconds to score a position of a row, in many sweeps."""
    return min(_from_residual(K, d), _looked_up(D, K))


def _from_residual(K: int, d: int) -> float:
    # A code embedding is taken out of the residual, and another put in.
    return MULTIPLIED * K * d + 2 * (ROW_READ + NUMBER_READ * d)


def _looked_up(D: int, K: int) -> float:
    if D == 1 or (D * K) ** 2 > MOST_PRODUCTS:
        return np.inf
    return (D - 1) * (ROW_READ + NUMBER_READ * K)


def _lookup_pays(rows: int, D: int, K: int, d: int, sweeps: int) -> bool:
    products = MULTIPLIED * K * d * (1 + D * K / max(rows, 1))
    return products + sweeps * _looked_up(D, K) < sweeps * _from_residual(K, d)


class _Block(ABC):
    """Rows that are searched together: their codes, and scratch space."""

    def __init__(self, shared, vectors, codes):
        self.shared = shared
        self.vectors = vectors
        self.codes = codes.T.astype(np.intp, order="C")
        K = shared.tables.shape[1]
        self.scores = np.empty((len(vectors), K), np.float32)

    @abstractmethod
    def score(self, j):
        """Writes into `scores` what each value of position j is worth.

        Half of what it takes off the squared error |r|^2 that the other
        positions leave: r.w - |w|^2 / 2.
        """

    @abstractmethod
    def choose(self, j, values):
        """Gives position j these values, after it was scored."""

    def sweep(self, temperature, noise, rng):
        """Draws every position once, in random order."""
        for j in rng.permutation(len(self.codes)):
            self.score(j)
            if temperature:
                # The arg max of s + Gumbel noise is a draw from softmax(s).
                self.scores *= np.float32(2 / temperature)
                self._add_noise(noise, int(rng.integers(NOISE - 1)))
            self.choose(j, self.scores.argmax(axis=1))

    def _add_noise(self, noise, start):
        flat = self.scores.reshape(-1)
        done = 0
        while done < len(flat):
            part = flat[done : done + NOISE - start]
            part += noise[start : start + len(part)]
            done += len(part)
            start = 0

    def errors(self):
        """Gives the squared error of each row."""
        return additive_errors(self.vectors, self.codes.T, self.shared.tables)


class _ResidualBlock(_Block):
    """Keeps what the codes have left of each row."""

    def __init__(self, shared, vectors, codes):
        super().__init__(shared, vectors, codes)
        self.residuals = vectors.astype(np.float32)
        self.found = np.empty_like(self.residuals)
        for j in range(len(self.codes)):
            self.residuals -= self._embedded(j)

    def _embedded(self, j):
        return _look_up(self.shared.tables[j], self.codes[j], self.found)

    def score(self, j):
        self.residuals += self._embedded(j)
        _product(self.residuals, self.shared.tables[j].T, self.scores)
        self.scores -= self.shared.half_norms[j]

    def choose(self, j, values):
        self.codes[j] = values
        self.residuals -= self._embedded(j)


class _LookupBlock(_Block):
    """Keeps the rows' products with all code embeddings."""

    def __init__(self, shared, vectors, codes):
        super().__init__(shared, vectors, codes)
        self.alone = np.empty((len(codes.T), *self.scores.shape), np.float32)
        for table, norms, out in zip(
            shared.tables, shared.half_norms, self.alone, strict=True
        ):
            _product(vectors, table.T, out)
            out -= norms
        self.found = np.empty_like(self.scores)

    def score(self, j):
        np.copyto(self.scores, self.alone[j])
        for i, values in enumerate(self.codes):
            if i != j:
                table = self.shared.products[i, j]
                self.scores -= _look_up(table, values, self.found)

    def choose(self, j, values):
        self.codes[j] = values


def _look_up(table, values, out):
    # By the default, "raise", numpy would copy `out`.
    return table.take(values, axis=0, out=out, mode="clip")


def _product(rows, matrix, out):
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
