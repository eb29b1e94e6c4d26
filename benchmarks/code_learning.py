"""Reconstruction error of learned codes beside faiss' quantizers.

All methods get the same vectors, the same K and D, and both cores. The error
is squared, summed over the dimensions, averaged over the rows; seconds
include training and encoding, not imports.

    python benchmarks/code_learning.py --glove glove.6B.50d.txt

Without --glove only the table of the Penn Treebank language model, which
ships with the package, is used. A cell that `results/code_learning.json` has
is not run again unless --again is given.
"""

import argparse
import datetime
import json
import time
from pathlib import Path

import numpy as np
from methods import METHODS, NEEDS_D_TO_DIVIDE
from record import RESULTS, write_results
from rich.console import Console
from rich.table import Table

import kd_keras
from kd_keras.experiment_record import script_command

PTB = Path(__file__).parent.parent / "saved_models" / "ptb_small_200.npz"
# LSQ's tables of D * D * K * K products take long beyond this.
LARGEST_LSQ_D = 16


def can_run(method, vectors, D):
    if method in NEEDS_D_TO_DIVIDE:
        return vectors.shape[1] % D == 0
    return "LSQ" not in method or D <= LARGEST_LSQ_D


def run_cell(name, vectors, K, D, method, seed):
    begin = time.perf_counter()
    rebuilt = METHODS[method](vectors, K, D, seed)
    seconds = time.perf_counter() - begin
    error = float(np.square(vectors - rebuilt).sum(axis=1).mean())
    centred = vectors - vectors.mean(axis=0)
    variance = float(np.square(centred).sum(axis=1).mean())
    return {
        "table": name,
        "K": K,
        "D": D,
        "method": method,
        "seed": seed,
        "error": error,
        "error_over_variance": error / variance,
        "seconds": seconds,
        "command": script_command(),
        "date": datetime.date.today().isoformat(),
    }


def print_table(cells, tables):
    for name in tables:
        mine = [cell for cell in cells if cell["table"] == name]
        settings = list(dict.fromkeys((c["K"], c["D"]) for c in mine))
        table = Table("method", *(f"K={K} D={D}" for K, D in settings))
        table.title = f"{name}: error (seconds), median of the seeds"
        for method in METHODS:
            row = []
            for K, D in settings:
                found = [
                    (c["error"], c["seconds"])
                    for c in mine
                    if (c["method"], c["K"], c["D"]) == (method, K, D)
                ]
                error, seconds = np.median(found, axis=0) if found else (0, 0)
                row.append(f"{error:.3f} ({seconds:.0f})" if found else "")
            if any(row):
                table.add_row(method, *row)
        Console().print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glove", help="the 10,000 x 50 GloVe table")
    parser.add_argument(
        "--settings",
        nargs="+",
        default=["16,16", "256,8", "32,32"],
        metavar="K,D",
    )
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--again", action="store_true")
    args = parser.parse_args()

    tables = {"ptb": kd_keras.read_vectors(PTB).vectors}
    if args.glove:
        tables = {"glove": kd_keras.read_vectors(args.glove).vectors} | tables
    path = RESULTS / "code_learning.json"
    cells = json.loads(path.read_text())["cells"] if path.exists() else []
    for name, vectors in tables.items():
        for K, D in (map(int, s.split(",")) for s in args.settings):
            for method in args.methods:
                for seed in args.seeds:
                    if not can_run(method, vectors, D):
                        continue
                    key = (name, K, D, method, seed)
                    have = [
                        c
                        for c in cells
                        if key
                        == (c["table"], c["K"], c["D"], c["method"], c["seed"])
                    ]
                    if have and not args.again:
                        continue
                    cell = run_cell(*key[:1], vectors, *key[1:])
                    print(*key, f"{cell['error']:.4f}", flush=True)
                    cells = [c for c in cells if c not in have] + [cell]
                    write_results("code_learning", {"cells": cells})
    print_table(cells, tables)


if __name__ == "__main__":
    main()
