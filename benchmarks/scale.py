"""Time and memory of `kd-keras compress` against the number of symbols.

Every table is memory-mapped and compressed in a process of its own, with
K = 16, D = 16. Memory is the peak of the resident memory (`ru_maxrss`),
including the mapped file, above the peak after TensorFlow was imported and
started.

    python benchmarks/scale.py          # 10,000, 100,000 and 1,000,000 rows
    python benchmarks/scale.py --full   # 10,000,000 too
    python benchmarks/scale.py --draw   # the figure alone, from the results

Sizes in `results/scale.json` are not run again unless --again is given.
"""

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULT = Path(__file__).resolve().parent.parent / "results" / "scale.json"
SIZES = (10_000, 100_000, 1_000_000)
LARGEST = 10_000_000
K, D, DIM = 16, 16, 64
LIMIT = 1.5 * 1024  # MiB above TensorFlow's
# The first words of `compress_folder`'s messages, and the steps they begin.
STEPS = {
    "Found": "start",
    "Starting Keras": "learning",
    "Encoding": "encoding",
    "Measuring": "measuring",
    "Writing": "writing",
    "Done": "done",
}


def peak_mib():
    """Returns the largest resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def compress(table, output, seed):
    """Compresses a table in this process and returns the measurements."""
    import tensorflow as tf

    tf.zeros(1)  # starts its devices
    before = peak_mib()
    from kd_keras.commands.arguments import Arguments
    from kd_keras.commands.compress_folder import compress_folder

    # The machine may be shared, so CPU time is measured as well.
    clocks = {"seconds": time.perf_counter, "cpu_seconds": time.process_time}
    steps = [("start", {name: now() for name, now in clocks.items()})]

    def say(line):
        for words, name in STEPS.items():
            if line.startswith(words):
                steps.append((name, {c: now() for c, now in clocks.items()}))

    arguments = Arguments(str(table), K=K, D=D, seed=seed, output=str(output))
    report = compress_folder(arguments, say)
    say("Done")
    took = {}
    for clock in clocks:
        took[clock] = steps[-1][1][clock] - steps[0][1][clock]
        for (name, begin), (_, end) in itertools.pairwise(steps):
            key = f"{clock}_{name}"
            took[key] = took.get(key, 0) + end[clock] - begin[clock]
    peak = peak_mib()
    return {
        "N": report["N"],
        **{name: round(seconds, 2) for name, seconds in took.items()},
        "peak_mib": round(peak, 1),
        "tensorflow_mib": round(before, 1),
        "above_mib": round(peak - before, 1),
        "learned_rows": report["learned_rows"],
        "error": report["error"]["error"],
        "error_over_variance": report["error"]["error_share"],
        "neighbours_kept": report["neighbours"]["mean_kept"],
        "times_smaller": report["bytes"]["ratio"],
    }


def run(N, seed):
    """Makes a table, compresses it in a fresh process, returns the numbers."""
    from huge_table import write_huge_table

    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table.npy")
        write_huge_table(table, N, DIM, seed)
        words = ["--child", str(table), "--seed", str(seed)]
        done = subprocess.run(
            [sys.executable, __file__, *words],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def draw(rows, path):
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = sorted(rows, key=lambda row: row["N"])
    N = [row["N"] for row in rows]
    # Fixed font sizes, so that the same rows give the same picture.
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        time_axis, memory_axis = figure.subplots(1, 2)
        for part, style, label in (
            ("seconds", "o-", "wall clock"),
            ("cpu_seconds", "s-", "on the processors"),
            ("cpu_seconds_learning", "<:", "of it, learning"),
            ("cpu_seconds_encoding", "^:", "of it, encoding"),
            ("cpu_seconds_measuring", "v:", "of it, measuring"),
        ):
            shown = [(row["N"], row[part]) for row in rows if part in row]
            time_axis.plot(*zip(*shown, strict=True), style, label=label)
        time_axis.set(xscale="log", yscale="log", xlabel="symbols N")
        time_axis.set(ylabel="seconds", title="Time")
        time_axis.set_ylim(top=30 * time_axis.get_ylim()[1])
        time_axis.legend(frameon=False, loc="upper left", ncols=2)
        above = [row["above_mib"] for row in rows]
        memory_axis.plot(N, above, "o-", label="peak of the process")
        tables = [4 * DIM * n / (1 << 20) for n in N]
        memory_axis.plot(N, tables, "k:", label="the table itself, float32")
        memory_axis.axhline(LIMIT, color="grey", label="1.5 GiB")
        memory_axis.set(xscale="log", yscale="log", xlabel="symbols N")
        memory_axis.set(ylabel="MiB above TensorFlow's own", title="Memory")
        memory_axis.legend(frameon=False)
        figure.savefig(path, dpi=120, metadata={"Software": None})


def record(rows, seed):
    """Writes the results and their figure."""
    from record import write_results

    rows.sort(key=lambda row: row["N"])
    write_results("scale", {"K": K, "D": D, "d": DIM, "rows": rows}, seed)
    draw(rows, RESULT.with_suffix(".png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--record", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        output = Path(args.child).with_name("out")
        print(json.dumps(compress(args.child, output, args.seed)))
        return

    rows = json.loads(RESULT.read_text())["rows"] if RESULT.exists() else []
    if args.record:
        sys.argv = sys.argv[: sys.argv.index("--record")]
        record(json.loads(args.record), args.seed)
        return
    if args.draw:
        draw(rows, RESULT.with_suffix(".png"))
        return
    for N in args.sizes or (*SIZES, *[LARGEST] * args.full):
        if not args.again and any(row["N"] == N for row in rows):
            continue
        row = run(N, args.seed)
        print(row, flush=True)
        rows = [r for r in rows if r["N"] != N] + [row]
        # Not in this process: it would import TensorFlow, and the peak memory
        # of a process that it starts would begin with its own peak.
        words = [*sys.argv, "--record", json.dumps(rows)]
        subprocess.run([sys.executable, *words], check=True)


if __name__ == "__main__":
    main()
