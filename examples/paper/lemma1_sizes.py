"""Lemma 1: parameters and bytes against the number of symbols.

A table has N d parameters; codes and their composition have O(K d' log N /
log K + C). Here d = d' = 300, K = 100, and D is the smallest with K^D >= N, for
the linear and the LSTM composition. Bytes are different: every symbol still has
a code of ceil(7 D / 8) bytes, so they grow with N too, 240 (D = 5) to 600
(D = 2) times more slowly than the 1,200 bytes per symbol of a table.

The script also checks the paper's example (section 2.3): a billion symbols with
random codes, K = 100 and D = 10, have no collision at all with probability
99.5 %. It does so by formula, and by drawing codes for fewer symbols from fewer
codes with the same N^2 / K^D, for which the probability is the same.

    python examples/paper/lemma1_sizes.py
"""

import math

import numpy as np
from experiment import BLUE, GREY, RED, finish, parse, record

import kd_keras

DIM, K = 300, 100


def sizes(N):
    """Counts parameters and bytes of the three embeddings of N symbols."""
    D = next(D for D in range(1, 99) if K**D >= N)
    row = {
        "N": N,
        "D": D,
        "table": {"parameters": N * DIM, "bytes": 4 * N * DIM},
    }
    for composition in ("linear", "lstm"):
        given = (N, DIM, K, D, None, composition)
        row[composition] = {
            "parameters": kd_keras.parameter_count(*given).without_codes,
            "bytes": kd_keras.embedding_bytes(*given).total,
        }
    return row


def probability_of_no_collision(N, D):
    """Computes it for random codes out of K^D by Poisson's approximation."""
    return math.exp(-math.comb(N, 2) / K**D)


def share_without_collision(N, D, draws):
    """Estimates it by drawing: how often N codes were all different."""
    place = K ** np.arange(D, dtype=np.int64)
    different = 0
    for seed in range(draws):
        codes = kd_keras.random_codes(N, K, D, seed=seed)
        different += len(np.unique(codes @ place)) == N
    return different / draws


def measure(quick):
    example = {"N": 10**9, "K": K, "D": 10}
    drawn = [(1000, 4, 300 if quick else 20_000)]
    if not quick:
        drawn.append((1_000_000, 7, 200))
    return {
        "d": DIM,
        "K": K,
        "sizes": [sizes(10**power) for power in range(3, 10)],
        "example": example
        | {"formula": probability_of_no_collision(10**9, 10)},
        "drawn": [
            {
                "N": N,
                "K": K,
                "D": D,
                "draws": draws,
                "formula": probability_of_no_collision(N, D),
                "found": share_without_collision(N, D, draws),
            }
            for N, D, draws in drawn
        ],
    }


def draw(results):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    rows = results["sizes"]
    symbols = [row["N"] for row in rows]
    for axis, what in zip(axes, ("parameters", "bytes"), strict=True):
        for name, label, colour in (
            ("table", "one-hot: a table", GREY),
            ("lstm", "KD codes, LSTM", RED),
            ("linear", "KD codes, linear", BLUE),
        ):
            line = [row[name][what] for row in rows]
            axis.loglog(symbols, line, "o-", color=colour, label=label)
        axis.set_xlabel("symbols N")
    for row in rows:
        axes[0].annotate(
            f"D = {row['D']}",
            (row["N"], row["linear"]["parameters"]),
            textcoords="offset points",
            xytext=(0, 6),
            ha="center",
            fontsize=7,
            color=BLUE,
        )
    axes[0].set_title("parameters (codes are not counted)")
    axes[1].set_title("bytes (packed codes are counted)")
    axes[0].legend()
    return figure


if __name__ == "__main__":
    args = parse(__doc__)
    if not args.draw:
        record(args, measure(args.quick), seed=0)
    finish(args, draw)
