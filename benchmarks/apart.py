"""Learns codes in a process of its own, whose memory and time are its alone."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def learn_apart(method, vectors, K, D, seed):
    """Runs `cell.py`.

    Args:
        method: Name of a method in `methods` or `faiss_methods`.
        vectors: Float32 array `(N, d)`.
        K, D, seed: Integers.

    Returns:
        The rebuilt vectors, and a dictionary: `seconds`, `cpu_seconds`,
        `floats` that decoding needs, and where /proc tells them `peak_mib`
        above what was resident before and `other_cpu_seconds`, which other
        processes used meanwhile: far above 0, `seconds` are an upper bound.
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
