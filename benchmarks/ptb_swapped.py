"""Test perplexity of a language model with its table swapped, not retrained.

The conventional model of a run of `kd-keras ptb train` keeps all but the
vectors of its words. These are read from the files that the methods of
`chart.py` write; their bytes are those of that file, per symbol.

    kd-keras ptb train --embedding conventional --data-dir FOLDER --output RUN
    python benchmarks/ptb_swapped.py RUN --data-dir FOLDER
"""

import argparse
import functools
import json
from pathlib import Path

import chart_methods
import keras
import numpy as np
from record import RESULTS, measured_now, write_results

import kd_keras
from kd_keras.datasets.ptb.corpus import read_corpus
from kd_keras.language_model.evaluation import (
    evaluate_perplexity,
    load_streaming_model,
)

NAME = "ptb_swapped"
# Of ai-edge-quantizer.
INT4, HADAMARD, INT2 = (
    "dynamic_wi4_afp32",
    "dynamic_wi4c_hr_afp32",
    "dynamic_wi2c_afp32",
)
# Lengths of codes and the tiers' ends: the first for the most frequent words.
TIERS = (
    ((80, 64, 40), (1500, 5000)),
    ((96, 48, 32), (1500, 4000)),
    ((48, 32, 16), (1500, 4000)),
)
CODES = ((16, 16), (16, 32), (16, 64), (16, 96), (16, 128), (256, 16))


def methods(counts):
    """Yields names and functions from a table to `(bytes, rebuilt)`."""
    quantizer = functools.partial(
        chart_methods.quantizer, algorithm="MIN_MAX_UNIFORM_QUANT"
    )
    yield "float32", chart_methods.float32
    yield "int8", chart_methods.int8
    yield "int4 by row", functools.partial(quantizer, recipe=INT4)
    yield (
        "int4, OCTAV",
        functools.partial(quantizer, recipe=INT4, algorithm="OCTAV"),
    )
    yield (
        "int4, Hadamard",
        functools.partial(quantizer, recipe=HADAMARD, algorithm=None),
    )
    yield "Keras int4", chart_methods.keras_int4
    yield (
        "int2, OCTAV",
        functools.partial(quantizer, recipe=INT2, algorithm="OCTAV"),
    )
    for rank in (100, 50):
        low_rank = functools.partial(chart_methods.low_rank, rank=rank)
        yield f"low rank {rank}", low_rank
    for factory in ("OPQ8_200,PQ8", "OPQ20_200,PQ20", "RQ8x8"):
        index = functools.partial(chart_methods.faiss_index, factory=factory)
        yield f"faiss {factory}", index
    for K, D in CODES:
        yield f"codes, K = {K}, D = {D}", functools.partial(codes, K=K, D=D)
        counted = functools.partial(codes, K=K, D=D, weights=counts**0.5)
        yield f"codes, K = {K}, D = {D}, counts", counted
    for D, tiers in TIERS:
        tiered = functools.partial(
            codes, K=16, D=D, weights=counts**0.5, tiers=tiers
        )
        yield f"codes, K = 16, D = {D}, tiers = {tiers}, counts", tiered


def codes(vectors, K, D, **options):
    return chart_methods.exported(
        kd_keras.learn_codes(
            vectors, K, D, effort=chart_methods.EFFORT, verbose=0, **options
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data-dir")
    given = parser.parse_args()
    corpus = read_corpus(given.data_dir)
    model = load_streaming_model(given.run / "model.keras")
    [table] = [x for x in model.layers if type(x) is keras.layers.Embedding]
    [vectors] = table.get_weights()
    counts = 1.0 + np.bincount(corpus.train, minlength=len(vectors))
    path = RESULTS / f"{NAME}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    for name, method in methods(counts):
        if any(row["method"] == name for row in rows):
            continue
        size, rebuilt = method(vectors)
        table.set_weights([rebuilt])
        perplexity = evaluate_perplexity(model, corpus.test)
        gap = vectors - vectors.mean(axis=0)
        error = np.linalg.norm(vectors - rebuilt) / np.linalg.norm(gap)
        row = {
            "method": name,
            "bytes": size,
            "bytes_per_symbol": round(size / len(vectors), 2),
            "error": round(float(error), 4),
            "test_perplexity": round(perplexity, 3),
            **measured_now(),
        }
        rows.append(row)
        print(row, flush=True)
        write_results(
            NAME, {"effort": chart_methods.EFFORT, "rows": rows}, None
        )


if __name__ == "__main__":
    main()
