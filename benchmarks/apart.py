"""Learns codes in a separate process, to measure its memory and time."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def learn_apart(method, vectors, K, D, seed):
    """Runs `cell.py`.

    Args:
        method: str. Name of a method in `methods` or `faiss_methods`.
        vectors: array of float32, shape `(N, d)`.
        K, D, seed: int.

    Returns:
        The rebuilt vectors and a dictionary: `seconds`, `cpu_seconds`, and
        `floats`, the number that decoding needs. On systems with /proc, also
        `peak_mib`, the peak above the memory that was resident before, and
        `other_cpu_seconds`, the CPU time of other processes meanwhile. If that
        is far above 0, `seconds` is only an upper bound.
    """
    with tempfile.TemporaryDirectory() as folder:
        table, rebuilt = (Path(folder, f"{n}.npy") for n in ("in", "out"))
        np.save(table, vectors)
        words = [table, method, K, D, seed, rebuilt]
        child = Path(__file__).with_name("cell.py")
        done = subprocess.run(
            [sys.executable, child, *map(str, words)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return np.load(rebuilt), json.loads(done.stdout.splitlines()[-1])
