"""Codes of tables with hundreds or thousands of numbers a row.

Language models have tables of 262,144 x 640 and, one for each layer, side by
side, of 262,144 x 8,960. These are made of the seed (`huge_table.py`), the
second one of 20,000 rows. A table is coded as up to four shards, each by a
command of its own, one after the other. Seconds and memory are those of the
commands; memory is the peak above that of a process that has only started
TensorFlow. The error is the root of the squared error, relative to that of the
mean.

    python benchmarks/wide_tables.py     # goes on where it stopped
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import RESULTS, measured_now, write_results

NAME = "wide_tables"
MOST_SHARDS, BLOCK = 4, 16_384  # a shard has at least a block of rows
TABLES = ((262_144, 640), (20_000, 8_960))
# Of compress, by the size of a row.
CELLS = {
    640: (
        ("concat", {"K": 16, "D": 160}),
        ("linear", {"K": 16, "D": 64}),
        ("linear", {"K": 16, "D": 64, "code-dim": 160}),
    ),
    8_960: (
        ("concat", {"K": 16, "D": 1120}),
        ("concat", {"K": 256, "D": 1120}),
        ("linear", {"K": 16, "D": 64, "code-dim": 560}),
    ),
}
EFFORT = 0.2  # as in `compress` of a model
START = "import tensorflow as tf; tf.zeros(1)"


def run(*words):
    """Runs a command; returns its seconds, CPU seconds and peak MiB."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *map(str, words)])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{words} failed")
    seconds = time.perf_counter() - began
    cpu = used.ru_utime + used.ru_stime
    return seconds, cpu, used.ru_maxrss / 1024  # Linux: KiB


def make(table, N, d):
    """Makes a table in a process of its own.

    A process begins with the memory of the one that starts it, which would
    count as its peak.
    """
    script = Path(__file__).with_name("huge_table.py")
    run(script, table, "--rows", N, "--size", d)


def kd_keras(*words):
    return run("-m", "kd_keras", *words, "--quiet")


def coded(table, N, composition, options, folder):
    """Codes a table in shards; returns what was measured."""
    count = min(MOST_SHARDS, -(-N // BLOCK))
    *_, start = run("-c", START)
    given = [x for k, v in options.items() for x in (f"--{k}", v)]
    codebooks, result = folder / "codebooks", folder / "result"
    steps = {
        "learning": kd_keras(
            "compress", table, "--composition", composition, *given,
            "--effort", EFFORT, "--codebooks-only", "--output", codebooks,
        ),
    }  # fmt: skip
    shards = [folder / f"shard{i}" for i in range(1, count + 1)]
    for i, shard in enumerate(shards, 1):
        steps[f"shard {i}"] = kd_keras(
            "compress", table, "--codebooks", codebooks,
            "--shard", f"{i}/{count}", "--output", shard,
        )  # fmt: skip
    steps["merging and measuring"] = kd_keras(
        "merge", *shards, "--litert", "int8", "--output", result
    )
    report = json.loads((result / "report.json").read_text())
    seconds = {name: round(x[0], 1) for name, x in steps.items()}
    size = (result / "embedding.tflite").stat().st_size
    return {
        "bytes": size,
        "bytes_per_symbol": round(size / N, 2),
        "error": round(report["error"]["error_share"] ** 0.5, 4),
        "learned_rows": report["learned_rows"],
        "seconds": round(sum(seconds.values()), 1),
        "cpu_seconds": round(sum(x[1] for x in steps.values()), 1),
        "above_mib": round(max(x[2] for x in steps.values()) - start),
        "table_mib": round(table.stat().st_size / 2**20),
        "seconds_of": seconds,
        "mib_of": {name: round(x[2] - start) for name, x in steps.items()},
    }


def main():
    path = RESULTS / f"{NAME}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    for N, d in TABLES:
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder, "table.npy")
            for number, (composition, options) in enumerate(CELLS[d]):
                cell = {"N": N, "d": d, "composition": composition, **options}
                named = ("N", "d", "composition", "K", "D", "code-dim")
                done = [{k: x[k] for k in named if k in x} for x in rows]
                if cell in done:
                    continue
                if not table.exists():
                    make(table, N, d)
                place = Path(folder, str(number))
                place.mkdir()
                found = coded(table, N, composition, options, place)
                rows.append(cell | found | measured_now())
                print(rows[-1], flush=True)
                write_results(NAME, {"effort": EFFORT, "rows": rows}, 0)


if __name__ == "__main__":
    main()
