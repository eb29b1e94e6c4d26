"""Size, load time, memory and look-up time of exported embeddings.

Compares KD embeddings with `keras.layers.Embedding` in float32, float16, int8
(LiteRT's dynamic range, and Keras' `quantize`) and int4 (Keras' `quantize`), as
`.tflite` files in LiteRT's Interpreter on one thread. The weights are random,
which does not change these figures.

Load time and peak memory are medians of three fresh processes per file that
look up 2,000 random ids. For look-up times, the files take turns, one round
each, so that a busy machine slows all of them; each call gets new ids.

    python benchmarks/on_device.py

Each file is written by a process of its own with a limit of 15 minutes, because
the exports of some large tables use all memory, or take hours.

`--sizes 10000x200` measures one size and keeps the results of the others.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from record import RESULTS, write_results
from rich.console import Console
from rich.table import Table

import kd_keras
from kd_keras.export.litert.quiet_litert import quiet_litert

ROUNDS, CALLS, LONGEST = 15, 300, 1.0  # look-ups per round, or seconds
IDS = (1, 20)
REPEATS = 3
WRITE_SECONDS = 900
LOAD = Path(__file__).parent / "litert_load.py"


def embedding_file(N, d, how):
    """Returns a function that writes an `Embedding` as its users would."""

    def write(path):
        ids = keras.Input((), dtype="int32", name="token_ids")
        model = keras.Sequential([ids, keras.layers.Embedding(N, d)])
        if how.startswith("quantize"):
            model.layers[-1].quantize(how.split()[1])
            model.export(str(path), format="litert", verbose=False)
            return

        with tempfile.TemporaryDirectory() as folder, quiet_litert():
            model.export(folder, verbose=False)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            if how in ("int8", "float16"):
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if how == "float16":
                converter.target_spec.supported_types = [tf.float16]
            path.write_bytes(converter.convert())

    return write


def codes_file(N, d, quantization=None, **options):
    """Returns a function that writes a `KDEmbedding`."""

    def write(path):
        embedding = kd_keras.KDEmbedding(N, d, seed=0, **options)
        embedding.build()
        kd_keras.export_litert(embedding, path, quantization=quantization)

    return write


def files_of(N, d):
    D = 32 if d % 32 == 0 else 25
    concat = {"K": 16, "D": D, "composition": "concat"}
    linear = {"K": 16, "D": 32, "code_dim": 32}
    name = f"concat, K = 16, D = {D}"
    narrow = "linear, K = 16, D = 32, d' = 32"
    return {
        "Embedding float32": embedding_file(N, d, "float32"),
        "Embedding float16": embedding_file(N, d, "float16"),
        "Embedding int8": embedding_file(N, d, "int8"),
        "Embedding int8, Keras": embedding_file(N, d, "quantize int8"),
        "Embedding int4, Keras": embedding_file(N, d, "quantize int4"),
        f"{name}, float32": codes_file(N, d, **concat),
        f"{name}, int8": codes_file(N, d, "int8", **concat),
        f"{narrow}, float32": codes_file(N, d, **linear),
        f"{narrow}, int8": codes_file(N, d, "int8", **linear),
    }


def write_file(N, d, name, path):
    files_of(N, d)[name](path)


def failure_of(N, d, name, path):
    """Writes a file in a process of its own; returns what went wrong."""
    process = multiprocessing.get_context("spawn").Process(
        target=write_file, args=(N, d, name, path)
    )
    process.start()
    process.join(WRITE_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return f"not written after {WRITE_SECONDS // 60} minutes"
    if process.exitcode:
        return f"the export ended with exit code {process.exitcode}"
    return None


def load_figures(path, N):
    command = [sys.executable, str(LOAD), str(path), str(N)]
    found = []
    for _ in range(REPEATS):
        run = subprocess.run(command, capture_output=True, check=True)
        found.append(json.loads(run.stdout.splitlines()[-1]))
    return {
        "load_ms": 1000 * statistics.median(f["seconds"] for f in found),
        "memory_bytes": statistics.median(f["bytes"] for f in found),
    }


class LookUp:
    """Looks up a number of ids in a file."""

    def __init__(self, path, count):
        from ai_edge_litert.interpreter import Interpreter

        with quiet_litert():
            self._interpreter = Interpreter(str(path), num_threads=1)
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._interpreter.resize_tensor_input(self._input, [count])
            self._interpreter.allocate_tensors()
        self.microseconds = []

    def round(self, ids):
        taken = []
        for these in ids:
            self._interpreter.set_tensor(self._input, these)
            began = time.perf_counter()
            self._interpreter.invoke()
            taken.append(time.perf_counter() - began)
            if sum(taken) > LONGEST:
                break
        self.microseconds.append(1e6 * statistics.median(taken))


def measure(N, d, folder, console):
    rows, paths = {}, {}
    for name in files_of(N, d):
        path = folder / f"{len(paths)}.tflite"
        console.print(f"[dim]{N:,} x {d}: {name}")
        failed = failure_of(N, d, name, path)
        if failed:
            rows[name] = {"failed": failed}
            continue
        rows[name] = {"bytes": path.stat().st_size}
        try:
            rows[name] |= load_figures(path, N)
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").splitlines()[-1]
            rows[name] = {"failed": f"LiteRT, at a look-up: {last}"}
            continue
        paths[name] = path
    generator = np.random.default_rng(0)
    for count in IDS:
        look_ups = {name: LookUp(path, count) for name, path in paths.items()}
        for _ in range(ROUNDS):
            ids = generator.integers(0, N, (CALLS, count), dtype=np.int32)
            for look_up in look_ups.values():
                look_up.round(ids)
        for name, look_up in look_ups.items():
            median = statistics.median(look_up.microseconds)
            rows[name][f"microseconds_{count}"] = median
    return rows


def show(results, console):
    for size, rows in results["sizes"].items():
        table = Table(title=f"{size}, LiteRT, one thread")
        for column in (
            "", "file", "load, ms", "memory", "1 id, µs", "20 ids, µs",
            "file to int8", "1 id", "20 ids",
        ):  # fmt: skip
            table.add_column(column, justify="right" if column else "left")
        peer = rows["Embedding int8"]
        for name, row in rows.items():
            if "failed" in row:
                table.add_row(name, row["failed"])
                continue
            cells = [
                f"{row['bytes'] / 1e6:.3f} MB",
                f"{row['load_ms']:.1f}",
                f"{row['memory_bytes'] / 1e6:.1f} MB",
                *(f"{row[f'microseconds_{n}']:.2f}" for n in IDS),
            ]
            if "bytes" in peer:
                cells.append(f"1/{peer['bytes'] / row['bytes']:.1f}")
                for n in IDS:
                    key = f"microseconds_{n}"
                    cells.append(f"{row[key] / peer[key]:.2f}")
            table.add_row(name, *cells)
        console.print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes",
        nargs="+",
        default=[f"{N}x{d}" for N in (10**4, 10**5, 10**6) for d in (200, 512)],
        metavar="NxD",
    )
    options = parser.parse_args()
    console = Console()
    if not console.is_terminal:  # a file may be as wide as the table
        console = Console(width=120)
    path = RESULTS / "on_device.json"
    results = {"sizes": {}}
    if path.exists():
        results["sizes"] = json.loads(path.read_text())["sizes"]
    for size in options.sizes:
        N, d = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            rows = measure(N, d, Path(folder), console)
        results["sizes"][size] = rows
        write_results("on_device", results, seed=0)
    show(results, console)


if __name__ == "__main__":
    main()
