"""Tables that are large for these tests, and commands that run on them."""

import json
import os
from pathlib import Path

import keras
import numpy as np

from kd_keras.cli import main as cli

N, SIZE, BLOCK = 450, 8, 100  # five blocks, the last one short
KD = ("--K", "4", "--D", "4")


def make_vectors(rows=N):
    rng = np.random.default_rng(0)
    sheet = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, SIZE))
    return (sheet + 0.1 * rng.normal(size=(rows, SIZE))).astype("f4")


def run(*words):
    """Runs a command that succeeds."""
    assert cli.main([*map(str, words), "--quiet"]) == 0


def refused(capsys, *words):
    """Runs a command that is refused in one line, and returns the line."""
    before = sorted(Path().rglob("*"))
    assert cli.main([*map(str, words), "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("kd-keras: error: ")
    assert err.count("\n") == 1 and "Received: " in err
    assert sorted(Path().rglob("*")) == before
    return err


def codebooks(*given):
    run("compress", "big.npy", "--codebooks-only", "--output", "B", *given)


def shards(n, *numbers, vectors="big.npy", prefix="S", given=()):
    folders = []
    for i in numbers or range(1, n + 1):
        folders.append(f"{prefix}{i}")
        run(
            *("compress", vectors, "--codebooks", "B"),
            *("--shard", f"{i}/{n}", "--output", folders[-1], *given),
        )
    return folders


def weights_of(folder):
    model = keras.saving.load_model(f"{folder}/embedding.keras")
    return model.get_weights()


def assert_same(one, other):
    """Asserts that two folders of a compressed table are the same."""
    assert sorted(os.listdir(one)) == sorted(os.listdir(other))
    names = {"codes.npz", "neighbours.npz", "vocabulary.txt"}
    for name in names & set(os.listdir(one)):
        a, b = (Path(folder, name).read_bytes() for folder in (one, other))
        assert a == b, name
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    told = [
        json.loads(Path(folder, "report.json").read_text())
        for folder in (one, other)
    ]
    for name in ("error", "neighbours", "codes", "bytes", "learned_rows", "N"):
        assert told[0][name] == told[1][name], name
