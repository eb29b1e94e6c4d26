"""A table of any size, written block by block from a seed.

Rows lie in clusters of very different sizes. Their distances from the centres
have a heavy tail (Student's t with three degrees of freedom). The dimensions
are correlated, and the i-th strongest direction has a strength of i^-0.5, about
as in word vectors (French: i^-0.42) and in a language model's table (Penn
Treebank: i^-0.58). A larger table begins with the rows of a smaller one.

    python benchmarks/huge_table.py big.npy --rows 1000000
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

ROWS, NUMBERS = 1 << 16, 1 << 22  # the most that are written at a time
CLUSTERS = 256


def write_huge_table(path, N, d=64, seed=0):
    """Writes `(N, d)` float32 vectors as a `.npy` file.

    Args:
        path: str or path. The file to write.
        N: int. Number of rows.
        d: int. Number of columns.
        seed: int. Decides every random choice.
    """
    rng = np.random.default_rng(seed)
    count = max(1, min(ROWS, NUMBERS // d))
    strengths = np.arange(1, d + 1) ** -0.5
    mixing, _ = np.linalg.qr(rng.normal(size=(d, d)))
    mixing = (strengths[:, None] * mixing).astype(np.float32)
    centres = 1.5 * rng.normal(size=(CLUSTERS, d)).astype(np.float32) @ mixing
    sizes = np.arange(1, CLUSTERS + 1) ** -1.0
    header = {"descr": "<f4", "fortran_order": False, "shape": (N, d)}
    with open(path, "wb") as file:
        npy_format.write_array_header_1_0(file, header)
        for block, begin in enumerate(range(0, N, count)):
            draw = np.random.default_rng([seed, block])
            cluster = draw.choice(CLUSTERS, count, p=sizes / sizes.sum())
            tail = np.sqrt(3 / draw.chisquare(3, count))[:, None]
            noise = tail * draw.normal(size=(count, d))
            rows = centres[cluster] + noise.astype(np.float32) @ mixing
            rows[: N - begin].tofile(file)


def huge_rows(N, d, seed):
    """Makes the first N rows in memory, float32 `(N, d)`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "table.npy")
        write_huge_table(file, N, d, seed)
        return np.load(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    write_huge_table(args.path, args.rows, args.size, args.seed)
