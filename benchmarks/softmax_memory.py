"""Memory that a softmax over a million symbols needs to train.

An output layer of 1,000,000 symbols x 256 learns with Adam: as
`keras.layers.Dense`, which holds the table, and as `KDLogits`, which holds
codes. Each is trained in a process of its own for a few steps. The figure is
the peak of the process's memory beyond what it had after its imports.

    python benchmarks/softmax_memory.py
"""

import argparse
import json
import resource
import subprocess
import sys
import time

from record import write_results
from rich.console import Console
from rich.table import Table

SYMBOLS, SIZE, BATCH, STEPS = 1_000_000, 256, 32, 4
# name -> K, D, composition, code_dim
CODES = {
    "linear, K = 16, D = 32": (16, 32, "linear", None),
    "linear, K = 256, D = 16": (256, 16, "linear", None),
    "concat, K = 256, D = 16": (256, 16, "concat", None),
}
LAYERS = ("Dense", *CODES)
MEGABYTE = 1e6


def peak_bytes():
    """Returns the largest memory that this process has had."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def train(name, symbols, seed):
    """Trains the layer and returns its parameters, peak memory and step."""
    import keras
    import numpy as np

    import kd_keras

    keras.utils.set_random_seed(seed)
    keras.ops.zeros(1)
    before = peak_bytes()
    if name == "Dense":
        layer = keras.layers.Dense(symbols)
    else:
        K, D, composition, code_dim = CODES[name]
        layer = kd_keras.KDLogits(
            symbols, K, D, None, composition, code_dim, seed=seed
        )
    model = keras.Sequential([keras.Input((SIZE,)), layer])
    model.compile(
        "adam",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(BATCH, SIZE)).astype("float32")
    targets = rng.integers(symbols, size=BATCH)
    seconds = []
    for _ in range(STEPS):
        begin = time.perf_counter()
        model.train_on_batch(hidden, targets)
        seconds.append(time.perf_counter() - begin)
    return {
        "trainable_parameters": int(
            sum(np.prod(v.shape) for v in model.trainable_variables)
        ),
        "peak_bytes": peak_bytes() - before,
        "seconds_per_step": float(np.median(seconds[1:])),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--symbols", type=int, default=SYMBOLS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layer", choices=LAYERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.layer:
        print(json.dumps(train(args.layer, args.symbols, args.seed)))
        return
    rows = {}
    for name in LAYERS:
        options = ["--symbols", str(args.symbols), "--seed", str(args.seed)]
        found = subprocess.run(
            [sys.executable, __file__, "--layer", name, *options],
            check=True,
            capture_output=True,
            text=True,
        )
        rows[name] = json.loads(found.stdout.splitlines()[-1])
    table = Table("output layer", "peak MB", "parameters", "step s")
    for name, row in rows.items():
        table.add_row(
            name,
            f"{row['peak_bytes'] / MEGABYTE:,.0f}",
            f"{row['trainable_parameters']:,}",
            f"{row['seconds_per_step']:.2f}",
        )
    Console().print(table)
    sizes = {"symbols": args.symbols, "d": SIZE, "batch": BATCH}
    print(write_results("softmax_memory", {**sizes, "rows": rows}, args.seed))


if __name__ == "__main__":
    main()
