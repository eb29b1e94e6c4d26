"""What each piece of encoding new rows is worth.

One piece at a time is removed from `fit_codebooks` or `encode_additive`. Code
embeddings are learned from 50,000 rows of the table of `huge_table.py` and
measured on 50,000 others: the rows learned from would hide the errors on
outliers.

    python benchmarks/codebooks_ablation.py
    python benchmarks/codebooks_ablation.py --show
"""

import argparse
import contextlib
import json
import time
from unittest import mock

import numpy as np
from huge_table import huge_rows
from record import RESULTS, write_results
from rich.console import Console
from rich.table import Table

from kd_keras.search import encode_additive as additive_encoding
from kd_keras.search import fit_codebooks as codebooks
from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.fit_codebooks import fit_codebooks
from kd_keras.search.methods import beam_start
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.least_squares import fit_code_embeddings

NAME = "codebooks_ablation"
ROWS, DIM, K, D, SEED = 50_000, 64, 16, 16, 0


def _least_squares(rows, codes, tables, passes):
    return fit_code_embeddings(rows, codes, tables.shape[1])


def _stay(rows, codes, tables, passes):
    return tables


STEP = "improve_code_embeddings"
BEAM, REHEATS = "ENCODING_BEAM", "REHEATS_AFTER_BEAM"
# How code embeddings are learned, and what is set meanwhile: (module, name,
# value).
PIECES = {
    "all": (fit_codebooks, []),
    "as a table that is learned whole": (fit_additive, []),
    "values serve outliers alone": (
        fit_codebooks,
        [(beam_start, "LEAST", 1)],
    ),
    "no rounds": (fit_codebooks, [(codebooks, STEP, _stay)]),
    "least squares in each round": (
        fit_codebooks,
        [(codebooks, STEP, _least_squares)],
    ),
    "16 partial codes, 8 annealings": (
        fit_codebooks,
        [(additive_encoding, BEAM, 16)],
    ),
    "16 partial codes, 16 annealings": (
        fit_codebooks,
        [(additive_encoding, BEAM, 16), (additive_encoding, REHEATS, 16)],
    ),
    "64 partial codes, 1 annealing": (
        fit_codebooks,
        [(additive_encoding, REHEATS, 1)],
    ),
}


def run_piece(fit, settings, rows, others):
    with contextlib.ExitStack() as stack:
        for setting in settings:
            stack.enter_context(mock.patch.object(*setting))
        begin = time.process_time()
        _, tables = fit(rows, K, D, SEED)
        learned = time.process_time()
        codes = encode_additive(others, tables)
        took = learned - begin, time.process_time() - learned
    errors = np.square(others - decode_additive(codes, tables)).sum(axis=1)
    return {
        "error": float(errors.mean()),
        "median_error": float(np.median(errors)),
        "learning_cpu_seconds": round(took[0], 1),
        "encoding_cpu_microseconds_a_row": round(1e6 * took[1] / len(others)),
    }


def show(rows):
    table = Table("", "error", "median", "learning, s", "encoding, us a row")
    for row in rows:
        table.add_row(
            row["piece"],
            f"{row['error']:.3f}",
            f"{row['median_error']:.3f}",
            f"{row['learning_cpu_seconds']:.0f}",
            str(row["encoding_cpu_microseconds_a_row"]),
        )
    Console().print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true")
    if parser.parse_args().show:
        show(json.loads((RESULTS / f"{NAME}.json").read_text())["rows"])
        return
    vectors = huge_rows(2 * ROWS, DIM, SEED)
    rows = []
    for piece, given in PIECES.items():
        found = run_piece(*given, vectors[:ROWS], vectors[ROWS:])
        rows.append({"piece": piece} | found)
        print(rows[-1], flush=True)
        write_results(NAME, {"d": DIM, "K": K, "D": D, "rows": rows}, SEED)
    show(rows)


if __name__ == "__main__":
    main()
