"""Kills commands at random moments, and runs them again.

After each kill (SIGKILL), every file with a final name must be whole, and what
was there before the command must be unchanged. The same command must then end
with the result of a run that was not killed. A run begins with all modules
imported, in a forked process, so that kills fall into the work itself.

`python benchmarks/kills.py` writes `results/kills.json`, and kills the
commands that are not in it.
"""

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
from record import RESULTS, write_results

from kd_keras.cli.main import main as kd_keras_command
from kd_keras.export.litert.archive import read_archive
from kd_keras.export.litert.flatbuffer import read_flatbuffer

EFFORT = ["--K", "8", "--D", "4", "--effort", "0", "--quiet"]
SMALL = ["compress", "small.npz", *EFFORT]
LARGE = ["compress", "large.npy", *EFFORT]
SHARD = [*LARGE, "--codebooks", "books"]
TRAIN = ["--data-dir", "text", "--any-text", "--model", "tiny", "--quiet"]
CODED = ["--K", "8", "--D", "4", *TRAIN]
# For each command: what is run before, and the command.
COMMANDS = {
    "compress, small table": ([], [*SMALL, "--output", "out"]),
    "compress --force": (
        [[*SMALL, "--seed", "1", "--output", "out"]],
        [*SMALL, "--output", "out", "--force"],
    ),
    "compress, large table": ([], [*LARGE, "--output", "out"]),
    "compress --codebooks-only": (
        [],
        [*LARGE, "--codebooks-only", "--output", "books"],
    ),
    "compress --shard": (
        [[*LARGE, "--codebooks-only", "--output", "books"]],
        [*SHARD, "--shard", "1/2", "--output", "s1"],
    ),
    "compress --litert int8": (
        [],
        [*SMALL, "--litert", "int8", "--output", "out"],
    ),
    "compress, a model": (
        [],
        ["compress", "model.keras", "--budget", "60%", "--effort", "0"]
        + ["--quiet", "--output", "out"],
    ),
    "merge": (
        [
            [*LARGE, "--codebooks-only", "--output", "books"],
            [*SHARD, "--shard", "1/2", "--output", "s1"],
            [*SHARD, "--shard", "2/2", "--output", "s2"],
        ],
        ["merge", "s1", "s2", "--output", "out", "--quiet"],
    ),
    "explore": ([[*SMALL, "--output", "out"]], ["explore", "out"]),
    "ptb train": ([], ["ptb", "train", *TRAIN, "--output", "run"]),
    "ptb export, litert": (
        [["ptb", "retrain", *CODED, "--epochs", "1", "--output", "run"]],
        ["ptb", "export", "run", "--output", "model.tflite", "--quiet"],
    ),
    "ptb export, SavedModel": (
        [["ptb", "retrain", *CODED, "--epochs", "1", "--output", "run"]],
        ["ptb", "export", "run", "--format", "saved-model"]
        + ["--output", "model", "--quiet"],
    ),
}  # fmt: skip
# Measured times and dates, which are of each run.
TIMES = ("seconds", "seconds_per_epoch", "files", "date_saved", "fingerprint")


def make_tables(_):
    """Writes the inputs of all commands into the working directory."""
    folder = Path()
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(400)])
    rows = rng.normal(size=(400, 16)).astype(np.float32)
    np.savez(folder / "small.npz", vectors=rows, words=words)
    rows = rng.normal(size=(50_500, 8)).astype(np.float32)
    np.save(folder / "large.npy", rows)
    keras.utils.set_random_seed(0)
    ids = keras.Input((8,), dtype="int32")
    vectors = keras.layers.Embedding(400, 16)(ids)
    pooled = keras.layers.GlobalAveragePooling1D()(vectors)
    outputs = keras.layers.Dense(2, activation="softmax")(pooled)
    keras.Model(ids, outputs).save(folder / "model.keras")
    (folder / "text").mkdir()
    for split, count in (("train", 1200), ("valid", 200), ("test", 150)):
        found = rng.integers(0, 40, count)
        if split == "train":
            found[:40] = np.arange(40)
        lines = [found[i : i + 15] for i in range(0, count, 15)]
        text = "\n".join(" ".join(f"w{w}" for w in line) for line in lines)
        (folder / "text" / f"ptb.{split}.txt").write_text(text + "\n")
    return 0


def start(words, folder, work=kd_keras_command):
    """Starts a command in a folder; returns the number of its process.

    Nothing of TensorFlow may run in this process before: its threads would be
    missing in the next one.
    """
    number = os.fork()
    if number:
        return number
    status = 70
    try:
        os.chdir(folder)
        said = os.open(folder.parent / "said.txt", os.O_CREAT | os.O_WRONLY)
        os.dup2(said, 1)
        os.dup2(said, 2)
        status = work(words)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def run(words, folder, work=kd_keras_command):
    """Runs a command to its end."""
    _, status = os.waitpid(start(words, folder, work), 0)
    said = (folder.parent / "said.txt").read_text(errors="replace")
    assert status == 0, f"{words}: {status}\n{said[-3000:]}"


def kill(words, folder, seconds):
    """Kills a command after a time; returns whether it had ended before."""
    number = start(words, folder)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            assert status == 0, status
            return True
        time.sleep(0.002)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return False


def files(folder):
    """Yields the files with final names.

    No part of a path is hidden, or of what an unfinished run keeps.
    """
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = any(
            part.startswith(".") or part.endswith(".partial")
            for part in name.split("/")
        )
        if path.is_file() and not hidden and "tfevents" not in name:
            yield name, path


def content(path):
    """Reads a file, which must be whole; without times, as JSON or bytes."""
    if path.suffix == ".json":
        return json.dumps(timeless(json.loads(path.read_text())))
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return [(n, a.shape, a.tobytes()) for n, a in arrays.items()]
    if path.suffix == ".npy":
        return np.load(path).tobytes()
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            with archive.open("model.weights.h5") as file:
                return weights(file)
    if path.suffix == ".h5":
        return weights(path)
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        assert all(None not in line.values() for line in lines)
        return timeless({int(x["epoch"]): x for x in lines})
    if path.suffix == ".tflite":
        data = path.read_bytes()
        assert read_archive(data, path)[0] and read_flatbuffer(data, path)
        return data
    if path.parent.name == "variables" or path.name == "fingerprint.pb":
        # TensorFlow writes equal variables in other bytes each time.
        return variables(path.parents[path.parent.name == "variables"])
    data = path.read_bytes()
    if path.suffix == ".html":
        assert data.endswith(b"</html>\n"), path
        return data if path.name == "explorer.html" else b""
    assert path.suffix not in (".txt", ".tsv") or data.endswith(b"\n"), path
    return data


def weights(path):
    found = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.append((name, item[()].tobytes()))
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return found


def variables(folder):
    """Reads the weights of a SavedModel, without random generators."""
    import tensorflow as tf

    stored = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    names = sorted(stored.get_variable_to_shape_map())
    return [
        (name, repr(np.asarray(stored.get_tensor(name)).tolist()))
        for name in names
        if not name.startswith(("_CHECKPOINTABLE", "overhead/"))
    ]


def timeless(value):
    if isinstance(value, list):
        return [timeless(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: timeless(v) for k, v in value.items() if k not in TIMES}


def digest(value):
    data = value if isinstance(value, bytes) else repr(value).encode()
    return hashlib.sha256(data).hexdigest()


def snapshot(folder, read=content):
    """Returns a digest of each file; reading fails if a file is not whole."""
    found = {}
    for name, path in files(folder):
        try:
            found[name] = digest(read(path))
        except Exception as error:
            raise AssertionError(f"{name} is not whole: {error!r}") from error
    return found


def try_command(name, kills, seed, given):
    """Kills a command many times and returns the row of its outcomes."""
    before, words = COMMANDS[name]
    template = given / "template"
    run([], template, make_tables)
    for each in before:
        run(each, template)
    there = snapshot(template, Path.read_bytes)
    whole = given / "whole"
    shutil.copytree(template, whole)
    began = time.perf_counter()
    run(words, whole)
    seconds = time.perf_counter() - began
    wanted, same = snapshot(whole), snapshot(whole, Path.read_bytes)
    rng = random.Random(f"{name} {seed}")
    ended, left, repeated = 0, 0, 0.0
    for _ in range(kills):
        folder = given / "killed"
        shutil.copytree(template, folder)
        ended += kill(words, folder, rng.random() * seconds)
        found = snapshot(folder)
        left += found.keys() > there.keys()
        raw = snapshot(folder, Path.read_bytes)
        if "--force" not in words:
            for path in there:
                assert raw.get(path) == there[path], path
        else:  # the earlier result or the new one, never a mixture
            old = {p: there[p] for p in there if p.startswith("out/")}
            out = {p: raw[p] for p in raw if p.startswith("out/")}
            assert out == old or all(
                found.get(p) == wanted[p] for p in wanted
            ), "a mixture of two results"
        began = time.perf_counter()
        # A kill after the last rename leaves the result.
        if not (found.items() >= wanted.items()):
            run(words, folder)
        repeated += time.perf_counter() - began
        assert (last := snapshot(folder)) == wanted, sorted(
            n for n in last | wanted if last.get(n) != wanted.get(n)
        )
        raw = snapshot(folder, Path.read_bytes)
        same = {n: d for n, d in same.items() if raw[n] == d}
        shutil.rmtree(folder)
    return {
        "command": name,
        "kills": kills - ended,
        "ended_before": ended,
        "files_were_there": left,
        "seconds": round(seconds, 2),
        "seconds_again": round(repeated / kills, 2),
        "other_bytes": sorted(set(wanted) - set(same)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="commands to kill")
    given = parser.parse_args()
    path = RESULTS / "kills.json"
    rows = json.loads(path.read_text())["commands"] if path.exists() else []
    done = {row["command"] for row in rows}
    for name in COMMANDS:
        if name in done or (given.only and name not in given.only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "template").mkdir()
            rows.append(
                try_command(name, given.kills, given.seed, Path(folder))
            )
        print(rows[-1], flush=True)
        write_results("kills", {"commands": rows}, given.seed)


if __name__ == "__main__":
    main()
