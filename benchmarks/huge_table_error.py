"""Errors in a table of a million symbols, whose decoder takes few bytes.

Methods get 200,000 rows of the table of `huge_table.py` to learn from, or the
first 50,000 if more take too long; for linear, `learn_codes` draws 50,000 of
the 200,000. They are measured on 50,000 others. Bytes are those of a million
symbols: packed codes, code embeddings and composition.

    python benchmarks/huge_table_error.py

Methods that are in `results/huge_table_error.json` are not run again.
"""

import json
import time

import faiss
import numpy as np
from faiss_methods import LONG
from huge_table import huge_rows
from record import RESULTS, measured_now, write_results
from rich.console import Console
from rich.table import Table

import kd_keras
from kd_keras.codes.sizes import embedding_bytes
from kd_keras.layers.compositions.code_search import compose

NAME = "huge_table_error"
N, LEARNED, OTHERS = 1_000_000, 200_000, 50_000
FEWER = 50_000  # to learn from
DIM, K, D, SEED = 64, 16, 16, 0


def learn_codes(composition):
    def method(rows, others):
        embedding = kd_keras.learn_codebooks(
            rows, K, D, composition=composition, seed=SEED, verbose=0
        )
        codes = embedding.encode(others)
        return compose(embedding.composition, codes), composition

    return method


def faiss_method(kind, **settings):
    def method(rows, others):
        quantizer = getattr(faiss, kind)(DIM, D, K.bit_length() - 1)
        for name, value in settings.items():
            setattr(quantizer, name, value)
        quantizer.train(rows)
        return quantizer.decode(quantizer.compute_codes(others)), "linear"

    return method


rq = faiss_method("ResidualQuantizer", max_beam_size=16)
lsq = faiss_method("LocalSearchQuantizer")
long_lsq = faiss_method("LocalSearchQuantizer", **LONG)
# Each method with the number of rows that it learns from.
METHODS = {
    "learn_codes linear": (learn_codes("linear"), LEARNED),
    "learn_codes residual": (learn_codes("residual"), LEARNED),
    "faiss RQ, beam 16": (rq, FEWER),
    "faiss RQ, beam 16, from 200,000 rows": (rq, LEARNED),
    "faiss LSQ": (lsq, FEWER),
    "faiss LSQ, long": (long_lsq, FEWER),
}


def main():
    path = RESULTS / f"{NAME}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    vectors = huge_rows(LEARNED + OTHERS, DIM, SEED)
    others = vectors[LEARNED:]
    for method, (run, count) in METHODS.items():
        if any(row["method"] == method for row in rows):
            continue
        begin = time.perf_counter(), time.process_time()
        rebuilt, composition = run(vectors[:count], others)
        errors = np.square(others - rebuilt).sum(axis=1)
        rows.append(
            {
                "method": method,
                "rows_given": count,
                "error": float(errors.mean()),
                "median_error": float(np.median(errors)),
                "variance": float(others.var(axis=0).sum()),
                "bytes": embedding_bytes(
                    N, DIM, K, D, composition=composition
                ).total,
                "seconds": round(time.perf_counter() - begin[0], 1),
                "cpu_seconds": round(time.process_time() - begin[1], 1),
                **measured_now(),
            }
        )
        print(rows[-1], flush=True)
        sizes = {"N": N, "measured": OTHERS}
        sizes |= {"d": DIM, "K": K, "D": D}
        write_results(NAME, sizes | {"rows": rows}, SEED)
    table = Table("", "error", "median", "MB at N = 1,000,000", "seconds")
    for row in rows:
        table.add_row(
            row["method"],
            f"{row['error']:.3f}",
            f"{row['median_error']:.3f}",
            f"{row['bytes'] / 1e6:.2f}",
            f"{row['seconds']:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
