"""Learned codes compared with faiss' quantizers at the same K and D.

Every method gets the same vectors, the same K and D, and all cores, in a
process of its own. The error is squared, summed over the dimensions and
averaged over the rows. Seconds include training and encoding, not imports. CPU
seconds can be compared between cells that had different numbers of cores.

    python benchmarks/code_learning.py --glove glove.6B.50d.txt
    python benchmarks/code_learning.py --draw    # the figure and the tables

Without --glove, the tables are that of the Penn Treebank language model, which
is in this repository, and the paper's synthetic clusters. Cells that are in
`results/code_learning.json` are not run again unless --again is given, so an
interrupted run resumes. All cells take hours.
"""

import argparse
import datetime
import fnmatch
import json

import faiss_methods
import methods
from apart import learn_apart
from code_learning_figure import bits_of, draw, print_tables
from rate_distortion import rate_distortion
from record import RESULTS, write_results
from tables import read_tables

from kd_keras.codes.packing import packed_width
from kd_keras.datasets.clusters import CLUSTERS, make_clusters
from kd_keras.report.measure import measure_error, measure_neighbours
from kd_keras.utils.experiment_record import circumstances, script_command

SETTINGS = ("16,16", "256,8", "32,32", "16,32", "64,10", "32,5")
METHODS = [*methods.METHODS, *faiss_methods.FAISS_METHODS]


def can_run(method, d, K, D):
    peer = method in faiss_methods.FAISS_METHODS
    return (faiss_methods if peer else methods).can_run(method, d, K, D)


def run_cell(key, vectors):
    name, K, D, method, seed = key
    rebuilt, took = learn_apart(method, vectors, K, D, seed)
    measured = measure_error(vectors, rebuilt)
    neighbours = measure_neighbours(vectors, rebuilt)[0]
    return {
        "table": name,
        "K": K,
        "D": D,
        "method": method,
        "seed": seed,
        "error": measured["error"],
        "error_over_variance": measured["error_share"],
        "bound": rate_distortion(vectors, bits_of(K, D)),
        "mean_cosine": measured["mean_cosine"],
        "neighbours_kept": neighbours["mean_kept"],
        "code_bytes": len(vectors) * packed_width(K, D),
        "decoder_bytes": 4 * took.pop("floats"),
        **took,
        "command": script_command(),
        "date": datetime.date.today().isoformat(),
        **circumstances(),
    }


def key_of(cell):
    return tuple(cell[n] for n in ("table", "K", "D", "method", "seed"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glove", help="the 10,000 x 50 GloVe table")
    parser.add_argument(
        "--settings", nargs="+", default=SETTINGS, metavar="K,D"
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["*"],
        metavar="PATTERN",
        help=f"of: {', '.join(METHODS)}",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--draw", action="store_true")
    args = parser.parse_args()

    path = RESULTS / "code_learning.json"
    cells = json.loads(path.read_text())["cells"] if path.exists() else []
    tables = read_tables(args.glove) | {"clusters": make_clusters(seed=0)[0]}
    settings = [tuple(map(int, s.split(","))) for s in args.settings]
    chosen = [
        m for m in METHODS if any(fnmatch.fnmatch(m, p) for p in args.methods)
    ]
    wanted = [
        (name, K, D, method, seed)
        for seed in args.seeds
        for method in chosen
        for name, vectors in tables.items()
        for K, D in ([(CLUSTERS, 1)] if name == "clusters" else settings)
        if can_run(method, vectors.shape[1], K, D)
    ]
    for key in [] if args.draw else wanted:
        if not args.again and any(key_of(cell) == key for cell in cells):
            continue
        cell = run_cell(key, tables[key[0]])
        print(*key, f"{cell['error']:.4f}", cell["seconds"], flush=True)
        # Read again: a second run may have written in the meantime.
        cells = json.loads(path.read_text())["cells"] if path.exists() else []
        cells = [c for c in cells if key_of(c) != key] + [cell]
        write_results("code_learning", {"cells": cells})
    print_tables(cells, METHODS)
    draw(cells, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
