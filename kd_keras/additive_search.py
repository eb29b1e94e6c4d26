"""Search of additive codes under fixed code embeddings, by annealing.

The code of one row is the state of a small Markov random field: D positions
with K values each, every pair of which interacts through the inner product of
its code embeddings. Coordinate descent (iterated conditional modes) stops in
the first state that no single change improves. Here each position is drawn
anew, given the others, from softmax(-squared error / T), and T falls: Gibbs
sampling with simulated annealing. At T = 0 it is coordinate descent.

References:
    Geman & Geman, "Stochastic relaxation, Gibbs distributions, and the
    Bayesian restoration of images", 1984.
    Babenko & Lempitsky, "Additive quantization for extreme vector
    compression", CVPR 2014 (the random field).
    Martinez, Zakhmi, Hoos & Little, "LSQ++", ECCV 2018 (that noise which
    falls with time helps additive codes; theirs is on vectors or codebooks).
"""

import numpy as np

from kd_keras.cores import spread

# Rows searched together. It must not depend on the machine, or else the same
# seed would give other codes there. Residuals and scores stay in cache.
ROWS = 1024
SCORES = 1 << 19
# OpenBLAS uses one thread below this many multiplications; our own threads
# over the blocks do better than its threads inside of each product.
SERIAL_PRODUCT = 1 << 18
# Gumbel noise is read from random places of one table; drawing it afresh
# would take longer than everything else.
NOISE = 1 << 20
# A short annealing from codes that are good already: its sweeps, how far the
# temperature falls, and the first temperatures, in units of the squared error
# per dimension, of which `choose_heat` takes the best for the rows at hand.
# Few positions with long code embeddings need the highest.
REHEAT_SWEEPS, COOLING = 10, 25
HEATS = (4.0, 8.0, 16.0, 32.0, 64.0)
# Rows on which heats are compared, and short annealings of each.
HEAT_ROWS, HEAT_TRIALS = 1000, 3


def decode_additive(
    codes: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Adds up the code embeddings that the codes name.

    Args:
        codes: integer `(N, D)`.
        code_embeddings: float32 `(D, K, d)`.

    Returns:
        float32 `(N, d)`: `sum_j code_embeddings[j, codes[:, j]]`.
    """
    shape = (len(codes), code_embeddings.shape[2])
    out = np.zeros(shape, np.float32)
    for j, table in enumerate(code_embeddings):
        out += table.take(codes[:, j], axis=0)
    return out


def additive_errors(
    vectors: np.ndarray, codes: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Gives the squared error of each row, float32 `(N,)`."""
    gap = vectors - decode_additive(codes, code_embeddings)
    return np.einsum("nd,nd->n", gap, gap)


def gumbel_noise(seed: int) -> np.ndarray:
    """Returns the table of noise that `search_codes` reads, float32."""
    return np.random.default_rng(seed).gumbel(size=NOISE).astype(np.float32)


class _Block:
    """Rows that are searched together: residuals, codes, scratch space."""

    def __init__(self, vectors, codes, code_embeddings, half_norms):
        D, K, d = code_embeddings.shape
        self.count = len(vectors)
        # Rows go to BLAS in groups of this many; the last is padded.
        group = SERIAL_PRODUCT // (K * d) // 8 * 8
        group = group if 16 <= group <= self.count else self.count
        padded = -(-self.count // group) * group
        self.tables = code_embeddings
        self.half_norms = half_norms
        self.codes = np.zeros((D, padded), np.intp)
        self.codes[:, : self.count] = codes.T
        self.residuals = np.zeros((padded, d), np.float32)
        self.residuals[: self.count] = vectors
        for j in range(D):
            self._add(j, self.codes[j], -1)
        # Scores lie as (K, rows), so that a maximum over K runs along rows.
        self.scores = np.empty((K, padded), np.float32)
        self._grouped_scores = self.scores.reshape(K, -1, group)
        self._grouped_scores = self._grouped_scores.transpose(1, 0, 2)
        self._grouped_rows = self.residuals.reshape(-1, group, d)
        self._grouped_rows = self._grouped_rows.transpose(0, 2, 1)
        bits = max(1, (K - 1).bit_length())
        self._low = np.int32((1 << bits) - 1)
        self._values = np.arange(K, dtype=np.int32)[:, None]

    def _add(self, j, values, sign):
        rows = self.tables[j].take(values, axis=0)
        if sign > 0:
            self.residuals += rows
        else:
            self.residuals -= rows

    def sweep(self, temperature, noise, rng):
        """Draws every position once, in random order."""
        for j in rng.permutation(len(self.tables)):
            self._add(j, self.codes[j], 1)
            # score = (2 r.w - |w|^2) / T, of which exp is the conditional
            # probability: the squared error without its constant |r|^2.
            scale = np.float32(2 / temperature if temperature else 2)
            np.matmul(
                self.tables[j] * scale,
                self._grouped_rows,
                out=self._grouped_scores,
            )
            self.scores -= (self.half_norms[j] * scale)[:, None]
            if temperature:
                # The arg max of scores + Gumbel noise is a draw from softmax.
                start = int(rng.integers(NOISE - 1))
                self._add_noise(noise, start)
                self.codes[j] = self._rough_argmax()
            else:
                self.codes[j] = self.scores.argmax(axis=0)
            self._add(j, self.codes[j], -1)

    def _add_noise(self, noise, start):
        flat = self.scores.reshape(-1)
        done = 0
        while done < len(flat):
            part = flat[done : done + NOISE - start]
            part += noise[start : start + len(part)]
            done += len(part)
            start = 0

    def _rough_argmax(self):
        # numpy's argmax over the first axis is slow, its max is not: write
        # the value into the lowest bits of the score and take the max. The
        # score loses log2(K) of 23 bits, far less than the noise in it.
        bits = self.scores.view(np.int32)
        bits &= ~self._low
        bits |= self._values
        return self.scores.max(axis=0).view(np.int32) & self._low

    def errors(self):
        rows = self.residuals[: self.count]
        return np.einsum("nd,nd->n", rows, rows)


def search_codes(
    vectors: np.ndarray,
    codes: np.ndarray,
    code_embeddings: np.ndarray,
    temperatures: list[float],
    noise: np.ndarray,
    seed: int | list[int],
) -> tuple[np.ndarray, np.ndarray]:
    """Sweeps over all positions of all rows, once for each temperature.

    Args:
        vectors: float32 `(N, d)`.
        codes: integer `(N, D)`, where the search starts.
        code_embeddings: float32 `(D, K, d)`, not changed.
        temperatures: in units of the squared error; 0 is coordinate descent,
            which never makes a row worse.
        noise: from `gumbel_noise`.
        seed: decides the draws. All blocks of rows draw the same, so that
            the codes of a block do not depend on where the block lies.

    Returns:
        Codes, same shape and dtype, and squared errors, float32 `(N,)`.
    """
    K = code_embeddings.shape[1]
    rows = int(np.clip(SCORES // K, 16, ROWS))

    def search(start):
        part = slice(start, start + rows)
        block = _Block(vectors[part], codes[part], code_embeddings, half_norms)
        rng = np.random.default_rng(seed)
        for temperature in temperatures:
            block.sweep(temperature, noise, rng)
        new_codes[part] = block.codes.T[: block.count]
        errors[part] = block.errors()

    half_norms = 0.5 * np.einsum(
        "jkd,jkd->jk", code_embeddings, code_embeddings
    )
    new_codes = np.empty_like(codes)
    errors = np.empty(len(vectors), np.float32)
    spread(search, range(0, len(vectors), rows))
    return new_codes, errors


def improve_codes(
    vectors: np.ndarray,
    codes: np.ndarray,
    errors: np.ndarray,
    code_embeddings: np.ndarray,
    hot: float,
    noise: np.ndarray,
    seed: int | list[int],
) -> tuple[np.ndarray, np.ndarray]:
    """Heats the codes up, lets them cool, and keeps the rows that gained.

    Iterated local search as in LSQ, with a short annealing in the place of a
    random perturbation.

    Args:
        vectors: float32 `(N, d)`.
        codes: integer `(N, D)`.
        errors: float32 `(N,)`, squared, of these codes.
        code_embeddings: float32 `(D, K, d)`, not changed.
        hot: first temperature, in units of the squared error.
        noise: from `gumbel_noise`.
        seed: decides the draws.

    Returns:
        Codes and squared errors, no row's higher than before.
    """
    found, new_errors = search_codes(
        vectors,
        codes,
        code_embeddings,
        [*falling(hot, hot / COOLING, REHEAT_SWEEPS - 1), 0],
        noise,
        seed,
    )
    return better_rows(codes, errors, found, new_errors)


def better_rows(
    codes: np.ndarray,
    errors: np.ndarray,
    new_codes: np.ndarray,
    new_errors: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Takes the better of two codes for each row, with its error."""
    better = new_errors < errors
    return (
        np.where(better[:, None], new_codes, codes),
        np.where(better, new_errors, errors),
    )


def choose_heat(
    vectors: np.ndarray,
    codes: np.ndarray,
    errors: np.ndarray,
    code_embeddings: np.ndarray,
    noise: np.ndarray,
    seed: int,
) -> float:
    """Finds the first temperature from which `improve_codes` gains most.

    Args:
        vectors: float32 `(N, d)`, of which some are tried.
        codes: integer `(N, D)`.
        errors: float32 `(N,)`, squared, of these codes.
        code_embeddings: float32 `(D, K, d)`.
        noise: from `gumbel_noise`.
        seed: decides the draws.

    Returns:
        One of `HEATS`, to be multiplied by the squared error per dimension.
    """
    some = slice(None, None, -(-len(vectors) // HEAT_ROWS))
    rows, given, before = vectors[some], codes[some], errors[some]
    unit = float(before.mean()) / vectors.shape[1]
    if unit == 0:  # nothing is left to gain
        return HEATS[0]
    found = []
    for heat in HEATS:
        best, after = given, before
        for trial in range(HEAT_TRIALS):
            best, after = improve_codes(
                rows,
                best,
                after,
                code_embeddings,
                heat * unit,
                noise,
                [trial, seed],
            )
        found.append(float(after.mean()))
    return HEATS[int(np.argmin(found))]


def falling(hot: float, cold: float, steps: int) -> list[float]:
    """Returns `steps` temperatures that fall by a constant factor."""
    if hot <= 0:  # no error is left to be searched for
        return []
    return (hot * (cold / hot) ** np.linspace(0, 1, steps)).tolist()
