"""The errors of codes, put together from a few drafts."""

import itertools
import math

import numpy as np

from kd_keras.compression.forms import Form
from kd_keras.compression.model_tables import ModelTable
from kd_keras.learning.learn_codes import learn_codes
from kd_keras.utils.progress_bar import Progress
from kd_keras.vectors.row_sums import constant_error

# Numbers of positions that are considered, and those that have a draft.
POSITIONS = (
    1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64,
)  # fmt: skip
DRAFTS = (1, 2, 4, 8, 16, 32, 64)
# A first tier may be so long that codes of all symbols would take this many
# times the bytes that there are.
LONGER = 1.5
# Longer codes are not drafted once the error is so small a share.
ENOUGH = 0.003
# Shares of the symbols at which tiers end.
ENDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75)
# K, and from how many symbols on it is considered.
VALUES = ((16, 0), (64, 5_000), (256, 20_000))
# Drafts are of at least so many rows, and so many for each code vector.
LEAST_ROWS, ROWS_PER_VECTOR = 3_000, 2
# The error after the whole search, compared with that of a draft.
LESS_THAN_DRAFT = 0.9


def coded_forms(
    table: ModelTable,
    rows: np.ndarray,
    shares: np.ndarray,
    most: int,
    quantization: str | None,
    seed: int,
    progress: Progress,
) -> list[tuple[Form, float]]:
    """Lists codes with their estimated squared errors.

    Args:
        table: `ModelTable`.
        rows: array of float, shape `(N, d)`; their weights fall.
        shares: array of float64, shape `(N,)`. The weights, with sum 1.
        most: int. Bytes that the codes must stay below.
        quantization: See `export_litert`.
        seed: int. Of the drafts.
        progress: See `Progress`. There is no error.

    Returns:
        list of `(form, error)`. The error is the weighted mean.
    """
    N, d = rows.shape
    whole = constant_error(rows, shares)
    plans = [
        (K, code_dim, drafts)
        for K, least in VALUES
        if N >= max(least, 2 * K)
        for code_dim in _sizes(K, d, most)
        if (drafts := _drafts(table, K, code_dim, most, quantization))
    ]
    count = sum(len(drafts) for *_, drafts in plans)
    done = itertools.count(1)
    found = []
    for K, code_dim, drafts in plans:
        lost = {}
        for D in drafts:
            lost[D] = _lost(rows, shares, K, D, code_dim, seed)
            progress(min(1.0, next(done) / count), math.nan)
            ranks, errors = lost[D]
            if np.average(errors, weights=shares[ranks]) < ENOUGH * whole:
                break
        found += _of_drafts(table, K, code_dim, lost, rows, shares)
    return found


def _sizes(K: int, d: int, most: int) -> list[int | None]:
    """Lists sizes of code embeddings: a small one too if they take much."""
    takes_much = 8 * K * d > most // 5
    return [None, max(8, d // 4)] if takes_much and d >= 32 else [None]


def _drafts(
    table: ModelTable,
    K: int,
    code_dim: int | None,
    most: int,
    quantization: str | None,
) -> list[int]:
    """Lists the numbers of positions that have a draft: at least two."""
    fitting = [
        D
        for D in DRAFTS
        if Form(K=K, D=(D,), code_dim=code_dim).bytes(table, quantization)
        < LONGER * most
    ]
    if len(fitting) > 1:
        return fitting
    return list(DRAFTS[:2]) if K == VALUES[0][0] else []


def _lost(
    rows: np.ndarray,
    shares: np.ndarray,
    K: int,
    D: int,
    code_dim: int | None,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Drafts codes; returns ranks, and the squared error of each such row."""
    N = len(rows)
    count = min(N, max(LEAST_ROWS, ROWS_PER_VECTOR * K * D))
    rng = np.random.default_rng(seed)
    ranks = np.sort(rng.choice(N, count, replace=False))
    sample = rows[ranks]
    draft = learn_codes(
        sample, K, D, code_dim=code_dim, seed=seed, verbose=0, effort=0.0,
        weights=np.maximum(shares[ranks], 1e-30),
    )  # fmt: skip
    codes = draft.codes.astype("int32")
    rebuilt = np.asarray(draft.composition(codes), np.float64)
    lost = np.square(sample - rebuilt).sum(axis=1)
    return ranks, LESS_THAN_DRAFT * lost


def _of_drafts(
    table: ModelTable,
    K: int,
    code_dim: int | None,
    lost: dict[int, tuple[np.ndarray, np.ndarray]],
    rows: np.ndarray,
    shares: np.ndarray,
) -> list[tuple[Form, float]]:
    """Puts the errors of codes with any positions and tiers together."""
    N = len(rows)
    least, most = min(lost), max(lost)
    positions = [D for D in POSITIONS if least <= D <= most]
    ends = sorted({max(K, int(share * N)) for share in ENDS} - {N})
    ends = [end for end in ends if K <= end < N]
    places = [0, *ends, N]
    # The error in each stretch of ranks for each number of positions.
    by_draft = {
        D: np.array(
            [
                _sum_of(ranks, errors, shares, slice(*part))
                for part in itertools.pairwise(places)
            ]
        )
        for D, (ranks, errors) in lost.items()
    }
    sums = np.array([_between(by_draft, D) for D in positions])
    upto = np.concatenate(
        [np.zeros((len(positions), 1)), np.cumsum(sums, axis=1)], axis=1
    )
    without = [constant_error(rows[end:], shares[end:]) for end in places[:-1]]

    def form(*D: int, tiers: tuple[int, ...] = ()) -> Form:
        return Form(K=K, D=D, tiers=tiers, code_dim=code_dim)

    found = []
    for i, D in enumerate(positions):
        found.append((form(D), float(upto[i, -1])))
        half = positions.index(D // 2) if D // 2 in positions else None
        for a, end in enumerate(ends, 1):
            first = float(upto[i, a])
            found.append((form(D, 0, tiers=(end,)), first + without[a]))
            if half is None:
                continue
            rest = upto[half] - upto[half, a]
            found.append(
                (form(D, D // 2, tiers=(end,)), first + float(rest[-1]))
            )
            for b in range(a + 1, len(ends) + 1):
                three = form(D, D // 2, 0, tiers=(end, ends[b - 1]))
                found.append((three, first + float(rest[b]) + without[b]))
    return found


def _sum_of(
    ranks: np.ndarray, errors: np.ndarray, shares: np.ndarray, part: slice
) -> float:
    """Sums the weighted errors of a stretch of ranks, from those sampled."""
    inside = (ranks >= part.start) & (ranks < part.stop)
    weight = float(shares[part].sum())
    if not inside.any():
        inside = np.ones(len(ranks), bool)
    own = shares[ranks[inside]]
    return weight * float(own @ errors[inside] / max(own.sum(), 1e-300))


def _between(by_draft: dict[int, np.ndarray], D: int) -> np.ndarray:
    """Returns errors for D positions; their logarithms are interpolated."""
    known = sorted(by_draft)
    logs = np.log(np.maximum([by_draft[x] for x in known], 1e-30))
    return np.exp(
        [np.interp(D, known, logs[:, part]) for part in range(logs.shape[1])]
    )
