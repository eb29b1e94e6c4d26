"""What each piece of the search of `learn_codes` is worth.

One piece at a time is removed from `fit_additive`, or added for a table that
would not get it, and the error is compared with that of the whole search with
the same number of sweeps (the start and descent alone need none).

    python benchmarks/code_learning_ablation.py --glove glove.6B.50d.txt
    python benchmarks/code_learning_ablation.py --show

Runs that are in `results/code_learning_ablation.json` are not repeated.
"""

import argparse
import contextlib
import json
import time
from unittest import mock

import numpy as np
from record import RESULTS, measured_now, write_results
from rich.console import Console
from rich.table import Table
from tables import read_tables

from kd_keras.report.measure import measure_error
from kd_keras.search import fit_additive as additive_codes
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.methods import beam_start, relaxation
from kd_keras.search.methods.additive_sum import decode_additive

NAME = "code_learning_ablation"
EFFORT = 0.1
SEEDS = (0, 1, 2)
CELLS = (("glove", 16, 16), ("glove", 256, 8), ("ptb", 32, 5))
WHOLE = "the whole search"


def _always(value):
    """Returns a function that returns a value for all arguments."""
    return lambda *args: value


# What each piece sets: (module, name, value).
PIECES = {
    WHOLE: [],
    "start: no beam": [(beam_start, "BEAM", 1)],
    "start: k-means from all partial codes": [
        (beam_start, "LEARN_FROM", beam_start.BEAM)
    ],
    "start: values may serve outliers alone": [(beam_start, "LEAST", 1)],
    "never annealed": [(additive_codes, "_promise", _always(1.0))],
    "always annealed": [(additive_codes, "_promise", _always(0.0))],
    "no noise": [(relaxation, "BLUR", 0.0), (relaxation, "NOISE_SHARE", 0.0)],
    # Only in `relaxation`: whether annealing is tried does not change.
    "noise on code embeddings": [(relaxation, "many_rows", _always(True))],
    "noise on rows": [(relaxation, "many_rows", _always(False))],
    "annealings of relaxation: one heat": [
        (relaxation, "choose_heat", _always(16.0))
    ],
    "start and descent alone": [
        (additive_codes, "_default_sweeps", _always(0))
    ],
}


def run_piece(piece, vectors, K, D, seed):
    with contextlib.ExitStack() as stack:
        for module, name, value in PIECES[piece]:
            stack.enter_context(mock.patch.object(module, name, value))
        begin = time.process_time()
        codes, tables = fit_additive(vectors, K, D, seed, EFFORT)
        took = time.process_time() - begin
    measured = measure_error(vectors, decode_additive(codes, tables))
    return measured["error"], round(took, 1)


def show(rows):
    table = Table("", *(f"{t} K={K} D={D}" for t, K, D in CELLS))
    table.title = "error / that of the whole search, median of the seeds"
    for piece in PIECES:
        ratios = []
        for cell in CELLS:
            errors = {
                (r["piece"], r["seed"]): r["error"]
                for r in rows
                if (r["table"], r["K"], r["D"], r["effort"]) == (*cell, EFFORT)
            }
            found = [
                error / errors[WHOLE, seed]
                for (name, seed), error in errors.items()
                if name == piece and (WHOLE, seed) in errors
            ]
            ratios.append(f"{np.median(found):.3f}" if found else "")
        table.add_row(piece, *ratios)
    Console().print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glove", help="the 10,000 x 50 GloVe table")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()

    path = RESULTS / f"{NAME}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    tables = read_tables(args.glove)
    wanted = [
        (name, K, D, piece, seed, EFFORT)
        for seed in args.seeds
        for name, K, D in CELLS
        if name in tables
        for piece in PIECES
    ]
    keys = ("table", "K", "D", "piece", "seed", "effort")
    have = {tuple(row[k] for k in keys) for row in rows}
    for key in [] if args.show else wanted:
        if key in have:
            continue
        name, K, D, piece, seed, _ = key
        error, took = run_piece(piece, tables[name], K, D, seed)
        rows.append(
            dict(zip(keys, key, strict=True))
            | {"error": error, "cpu_seconds": took}
            | measured_now()
        )
        print(rows[-1], flush=True)
        write_results(NAME, {"rows": rows})
    show(rows)


if __name__ == "__main__":
    main()
