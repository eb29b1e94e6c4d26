"""Compact against redundant codes, random against learned, at equal bytes.

A compact code uses its whole space: K^D is hardly larger than N. Here this is
K = 128 and D = 2 for 10,000 words, as in LightRNN (section 2.1 of the paper,
and Related Work). The paper expects redundant codes, with K^D much larger than
N, to be easier to learn, and random codes to be much worse than learned ones.
Each K gets as many positions D as fit into the bytes of the compact code
(packed codes and code embeddings together). The codes are

- drawn at random,
- drawn at random, but all different (`compact_codes`),
- learned by `learn_codes` (linear).

The first two get the best code embeddings for their codes, by least squares.
The error is measured on the embedding table of a small language model of the
Penn Treebank, relative to the table's variance.

    python examples/paper/compact_or_redundant.py [--vectors FILE]
"""

from pathlib import Path

import numpy as np
from experiment import BLUE, GREY, ORANGE, ROOT, finish, parse, record

import kd_keras
from kd_keras.search.methods.least_squares import fit_code_embeddings

PTB = ROOT / "saved_models" / "ptb_small_200.npz"
COMPACT = {"K": 128, "D": 2}
VALUES = (128, 64, 32, 16, 8, 4, 2)
KINDS = {"random": GREY, "all different": ORANGE, "learned": BLUE}


def sizes_of_equal_bytes(N, d, K, D):
    """Finds for each K the largest D with at most the bytes of (K, D)."""
    most = kd_keras.embedding_bytes(N, d, K, D).total
    sizes = []
    for other in VALUES:
        fitting = [
            parts
            for parts in range(1, 400)
            if kd_keras.embedding_bytes(N, d, other, parts).total <= most
        ]
        sizes.append((other, max(fitting)))
    return sizes


def rebuilt_by(kind, vectors, K, D, seed):
    N = len(vectors)
    if kind == "learned":
        embedding = kd_keras.learn_codes(vectors, K, D, seed=seed)
        return np.asarray(embedding(np.arange(N)))
    draw_codes = {
        "random": kd_keras.random_codes,
        "all different": kd_keras.compact_codes,
    }
    codes = draw_codes[kind](N, K, D, seed=seed)
    code_embeddings = fit_code_embeddings(vectors, codes, K)
    return code_embeddings[np.arange(D), codes].sum(axis=1)


def measure(args, seeds, sizes=None):
    path = args.vectors or PTB
    vectors = kd_keras.read_vectors(path).vectors[:10_000]
    if args.quick:
        vectors = vectors[:1000]
    N, d = vectors.shape
    variance = np.square(vectors - vectors.mean(axis=0)).sum(axis=1).mean()
    cells = []
    for K, D in sizes or sizes_of_equal_bytes(N, d, **COMPACT):
        bytes_ = kd_keras.embedding_bytes(N, d, K, D)
        for kind in KINDS:
            errors = []
            for seed in seeds:
                rebuilt = rebuilt_by(kind, vectors, K, D, seed)
                error = np.square(vectors - rebuilt).sum(axis=1).mean()
                errors.append(float(error / variance))
            cells.append(
                {
                    "codes": kind,
                    "K": K,
                    "D": D,
                    "bits": D * int(np.ceil(np.log2(K))),
                    "bytes": bytes_.total,
                    "error_over_variance": errors,
                }
            )
            print(cells[-1])
    results = {"vectors": Path(path).name, "N": N, "d": d, "cells": cells}
    record(args, results, seed=list(seeds))


def draw(results):
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 3.4), layout="constrained")
    sizes = list(dict.fromkeys((c["K"], c["D"]) for c in results["cells"]))
    for place, (kind, colour) in enumerate(KINDS.items()):
        errors = [
            np.median(c["error_over_variance"])
            for c in results["cells"]
            if c["codes"] == kind
        ]
        at = np.arange(len(sizes)) + 0.28 * (place - 1)
        bars = axis.bar(at, errors, 0.26, color=colour, label=kind)
        axis.bar_label(bars, fmt="%.2f", fontsize=6)
    axis.set_xticks(
        range(len(sizes)),
        [f"K = {K}, D = {D}\n{D * int(np.log2(K))} bits" for K, D in sizes],
        fontsize=7,
    )
    least = min(c["bytes"] for c in results["cells"])
    most = max(c["bytes"] for c in results["cells"])
    axis.set_title(
        f"{results['N']:,} x {results['d']}, {least / 1e3:.0f} to "
        f"{most / 1e3:.0f} kB each"
    )
    axis.set_ylabel("error / variance")
    axis.set_ylim(0, 1.15)
    axis.legend(ncols=3, loc="upper right")
    return figure


if __name__ == "__main__":
    args = parse(__doc__, vectors="file of word vectors; default: PTB's")
    if not args.draw and args.quick:
        measure(args, seeds=[0], sizes=[(32, 2), (4, 8)])
    elif not args.draw:
        measure(args, seeds=[0, 1, 2])
    finish(args, draw)
