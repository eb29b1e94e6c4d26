"""The paper's synthetic clusters: K = 100, D = 1, which is k-means.

10,000 points in 100 well separated clusters of 10 dimensions, centres five
times as far as the noise (paper, section 3). Squared loss and normalised
mutual information with the true clusters, for five seeds: scikit-learn's
k-means with ten starts, `learn_codes`, and the paper's Algorithm 1 from a
random start, with the temperature falling, constant, and with smooth codes.

    python benchmarks/clusters.py
"""

import argparse
import time

import numpy as np
from methods import algorithm_1, learn_codes
from record import write_results
from rich.console import Console
from rich.table import Table

STEPS = 1000
POINTS, CLUSTERS, DIM, SPREAD = 10_000, 100, 10, 5.0
FALLING = {
    "initial": 1.0,
    "decay_rate": 4e-3,
    "law": "exponential",
    "minimum": 0.02,
}


def make_clusters(seed):
    """Draws `(points, cluster of each)`; the noise has unit variance."""
    rng = np.random.default_rng(seed)
    centres = SPREAD * rng.normal(size=(CLUSTERS, DIM))
    labels = rng.integers(CLUSTERS, size=POINTS)
    points = centres[labels] + rng.normal(size=(POINTS, DIM))
    return points.astype(np.float32), labels


def k_means(points, K, D, seed):
    from sklearn.cluster import KMeans

    found = KMeans(K, n_init=10, random_state=seed).fit(points)
    return found.cluster_centers_[found.labels_]


METHODS = {
    "k-means, ten starts": k_means,
    "learn_codes": learn_codes("linear"),
    "algorithm 1, T falls": algorithm_1(schedule=FALLING, steps=STEPS),
    "algorithm 1, T = 1": algorithm_1(steps=STEPS),
    "smooth codes, T falls": algorithm_1("smooth", FALLING, STEPS),
    "smooth codes, T = 1": algorithm_1("smooth", steps=STEPS),
}


def run(method, seed):
    from sklearn.metrics import normalized_mutual_info_score

    points, labels = make_clusters(seed)
    begin = time.perf_counter()
    rebuilt = METHODS[method](points, CLUSTERS, 1, seed)
    seconds = time.perf_counter() - begin
    # Points of one code are rebuilt as one vector.
    found = np.unique(rebuilt, axis=0, return_inverse=True)[1].ravel()
    return {
        "method": method,
        "seed": seed,
        "loss": float(np.square(points - rebuilt).sum(axis=1).mean()),
        "nmi": float(normalized_mutual_info_score(labels, found)),
        "clusters_used": int(found.max()) + 1,
        "seconds": seconds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[*range(5)])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    args = parser.parse_args()
    rows = [run(m, seed) for m in args.methods for seed in args.seeds]
    table = Table("method", "loss", "worst", "NMI", "worst", "seconds")
    table.title = "Synthetic clusters: medians and worst of the seeds"
    for method in args.methods:
        mine = [row for row in rows if row["method"] == method]
        losses = [row["loss"] for row in mine]
        scores = [row["nmi"] for row in mine]
        table.add_row(
            method,
            f"{np.median(losses):.2f}",
            f"{max(losses):.2f}",
            f"{np.median(scores):.3f}",
            f"{min(scores):.3f}",
            f"{np.median([row['seconds'] for row in mine]):.1f}",
        )
    Console().print(table)
    print(write_results("clusters", {"rows": rows}))


if __name__ == "__main__":
    main()
