"""Error, seconds and memory of `learn_codes` at its defaults, on large tables.

For tables of more than 50,000 rows, code embeddings are learned from a sample,
and a beam search and some short annealings find the codes of all rows.
`--annealings` compares numbers of these with the default. The error is the
root of the squared error, relative to that of the mean.

    python benchmarks/recipe_speed.py --annealings 8 4
    python benchmarks/recipe_speed.py --tables wordllama
"""

import argparse
import json
import time

import numpy as np
import tensorflow as tf
from cell import busy_seconds, forget_peak, resident_mib
from chart_tables import glove, wordllama
from record import RESULTS, measured_now, write_results

import kd_keras
from kd_keras.search import encode_additive

NAME = "recipe_speed"
TABLES = {"glove": (glove, 16, 16), "wordllama": (wordllama, 256, 32)}
BLOCK = 50_000  # rows that are rebuilt at a time


def error_of(embedding, vectors):
    mean = vectors.mean(axis=0)
    lost = whole = 0.0
    for first in range(0, len(vectors), BLOCK):
        rows = vectors[first : first + BLOCK]
        rebuilt = embedding(np.arange(first, first + len(rows)))
        lost += np.square(rows - np.asarray(rebuilt), dtype=np.float64).sum()
        whole += np.square(rows - mean, dtype=np.float64).sum()
    return float((lost / whole) ** 0.5)


def measure(vectors, K, D):
    forget_peak()
    before = resident_mib("VmRSS")
    began, busy, cpu = time.perf_counter(), busy_seconds(), time.process_time()
    embedding = kd_keras.learn_codes(vectors, K, D, verbose=0)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    found = {"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}
    if busy is not None and before is not None:
        others = busy_seconds() - busy - cpu
        found["other_cpu_seconds"] = round(max(0.0, others), 1)
        found["peak_mib"] = round(resident_mib("VmHWM") - before)
    # Not before the peak is read: it looks up many vectors at a time.
    found["error"] = round(error_of(embedding, vectors), 5)
    return found | measured_now()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tables", nargs="+", choices=TABLES, default=list(TABLES)
    )
    parser.add_argument(
        "--annealings",
        nargs="+",
        type=int,
        default=[encode_additive.REHEATS_AFTER_BEAM],
    )
    args = parser.parse_args()
    path = RESULTS / f"{NAME}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    tf.zeros(1)  # starts its devices
    for name in args.tables:
        make, K, D = TABLES[name]
        vectors = make()
        if vectors is None:
            continue
        vectors = np.asarray(vectors, np.float32)
        for count in args.annealings:
            row = {
                "table": name, "N": len(vectors), "d": vectors.shape[1],
                "K": K, "D": D, "annealings": count,
            }  # fmt: skip
            encode_additive.REHEATS_AFTER_BEAM = count
            rows = [x for x in rows if row.items() - x.items()]
            rows.append(row | measure(vectors, K, D))
            print(rows[-1], flush=True)
            write_results(NAME, {"rows": rows})


if __name__ == "__main__":
    main()
