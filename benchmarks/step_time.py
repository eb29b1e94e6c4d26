"""Time of a training step of learned codes against the number of symbols.

A step reads the logits of one batch. With LazyAdam, its cost must not grow with
N; Keras' Adam, which updates all N rows, is measured for comparison. Reported
are medians of the steps of one `fit` with batch 128, D = 16, K = 32, d = 64.

    python benchmarks/step_time.py
"""

import argparse
import time

import keras
import numpy as np
from record import write_results
from rich.console import Console
from rich.table import Table

import kd_keras

BATCH, K, D, DIM = 128, 32, 16, 64
WARM_UP = 10
LARGEST_DENSE = 100_000


class StepTimes(keras.callbacks.Callback):
    """Records the seconds of each training step."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_train_batch_begin(self, batch, logs=None):
        self._begin = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds.append(time.perf_counter() - self._begin)


def step_milliseconds(N, optimizer, jit_compile, steps, seed):
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = keras.Sequential(
        [kd_keras.KDEmbedding(N, DIM, K=K, D=D, codes="learn")]
    )
    model.compile(optimizer, "mse", jit_compile=jit_compile)
    ids = rng.integers(0, N, BATCH * (steps + WARM_UP))
    vectors = rng.normal(size=(len(ids), DIM)).astype("float32")
    times = StepTimes()
    model.fit(ids, vectors, batch_size=BATCH, verbose=0, callbacks=[times])
    return 1000 * float(np.median(times.seconds[WARM_UP:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--symbols", type=int, nargs="+", default=[10_000, 100_000, 1_000_000]
    )
    args = parser.parse_args()
    table = Table("optimizer", "jit", *(f"N = {n:,}" for n in args.symbols))
    table.title = "Milliseconds per step (median)"
    rows = []
    for name, make, jit, steps in (
        ("LazyAdam", kd_keras.LazyAdam, True, args.steps),
        ("LazyAdam", kd_keras.LazyAdam, False, args.steps),
        # Dense: few steps are enough; at a million symbols each takes seconds.
        ("keras Adam", keras.optimizers.Adam, False, min(args.steps, 10)),
    ):
        symbols = [
            n for n in args.symbols if name == "LazyAdam" or n <= LARGEST_DENSE
        ]
        times = [
            step_milliseconds(n, make(), jit, steps, args.seed) for n in symbols
        ]
        rows.append(
            {
                "optimizer": name,
                "jit_compile": jit,
                "milliseconds": dict(
                    zip(map(str, symbols), times, strict=True)
                ),
                "largest_over_smallest": max(times) / min(times),
            }
        )
        table.add_row(name, str(jit), *(f"{t:.2f}" for t in times))
    Console().print(table)
    results = {"batch": BATCH, "K": K, "D": D, "d": DIM, "rows": rows}
    results["backend"] = keras.backend.backend()
    print(write_results("step_time", results, args.seed))


if __name__ == "__main__":
    main()
