"""Figure 3, K and D: perplexity of the language model against bytes.

The paper varies the number of values K and the number of positions D of a code
and finds that a small K or D may hurt, even if K^D is much larger than the
10,000 words: K = 5, D = 10 has ten million codes. (K = 50, D = 2 has 2,500, so
words must share them.) Codes are learned from the table of the conventional
model, and the language model is trained from scratch over them.

    python examples/paper/figure3_k_and_d.py [--data-dir FOLDER]

Each model is trained for six epochs instead of the thirteen of Table 1, because
the order of the models is clear by then. The conventional model and K = 50,
D = 10 are those of Table 1 after their sixth epoch. This takes two to three
hours on two cores; a run that was interrupted resumes.
"""

import tempfile
from pathlib import Path

import numpy as np
from experiment import BLUE, GREY, ORANGE, ROOT, finish, parse, record

from kd_keras.cli.main import main as kd_keras_command
from kd_keras.ptb.results_file import read_rows

CELLS = [(50, 2), (5, 10), (50, 25), (100, 10), (50, 5), (10, 10)]
TABLE_1 = ROOT / "results" / "ptb_small.json"
EPOCHS = 6


def command(*words):
    code = kd_keras_command(["ptb", *map(str, words)])
    if code:
        raise SystemExit(code)


def train_cells(model, cells, epochs, runs, text, keep):
    """Trains the missing models and calls `keep(rows)` after each."""
    conventional = runs / f"{model}-conventional-seed0"
    options = ["--model", model, *text]
    rows_file = runs / "k-and-d" / "rows.json"
    keep(read_rows(rows_file))
    for K, D in cells:
        codes = runs / f"{model}-codes-linear-K{K}-D{D}"
        sizes = ["--K", K, "--D", D]
        command(
            "learn-codes", "--from", conventional, *sizes, "--output", codes
        )
        run = runs / "k-and-d" / f"{model}-K{K}-D{D}"
        command(
            "retrain", "--codes", codes, *options, "--epochs", epochs,
            "--output", run, "--results", rows_file,
        )  # fmt: skip
        keep(read_rows(rows_file))


def point(row, epochs):
    """Returns a row as it was after some epochs."""
    valid = row["valid_perplexity_by_epoch"][:epochs]
    return {
        "K": row["K"],
        "D": row["D"],
        "bytes": row["embedding_bytes"],
        "valid_perplexity": min(valid),
        "train_perplexity": row["train_perplexity"][len(valid) - 1],
    }


def results_of(rows, table_1, epochs):
    conventional = next(r for r in table_1 if r["code_learning"] == "none")
    default = [
        r
        for r in table_1
        if (r["code_learning"], r["relearning"], r["K"], r["D"])
        == ("linear", "linear", 50, 10)
    ]
    return {
        "epochs": epochs,
        "conventional": point(conventional, epochs),
        "codes": [point(row, epochs) for row in [*default, *rows]],
    }


def measure(args):
    text = ["--data-dir", args.data_dir] if args.data_dir else []
    conventional = ["--results", TABLE_1]
    command("train", "--model", "small", *text, *conventional)

    def keep(rows):
        results = results_of(rows, read_rows(TABLE_1), EPOCHS)
        record(args, results, seed=0)

    train_cells("small", CELLS, EPOCHS, ROOT / "ptb-runs", text, keep)


def measure_quickly(args):
    """Trains a tiny model on a text whose words follow each other by a rule."""
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, lines in (("train", 300), ("valid", 40), ("test", 40)):
            starts = generator.zipf(1.5, lines) % 50
            text = "".join(
                " ".join(f"w{(s + 7 * i) % 50}" for i in range(8)) + "\n"
                for s in starts
            )
            (folder / f"ptb.{name}.txt").write_text(text)
        text = ["--data-dir", folder, "--any-text", "--quiet"]
        table_1 = folder / "table1.json"
        command(
            "train", "--model", "tiny", *text, "--results", table_1,
            "--output", folder / "tiny-conventional-seed0",
        )  # fmt: skip

        def keep(rows):
            record(args, results_of(rows, read_rows(table_1), 1), seed=0)

        train_cells("tiny", [(4, 2), (8, 2), (4, 4)], 1, folder, text, keep)


def draw(results):
    import matplotlib.pyplot as plt
    from matplotlib import ticker

    figure, axes = plt.subplots(
        1, 2, figsize=(8, 3.6), sharey=True, layout="constrained"
    )
    plain = results["conventional"]["valid_perplexity"]
    codes = results["codes"]
    K, D = (
        max(values, key=values.count)
        for values in ([c["K"] for c in codes], [c["D"] for c in codes])
    )
    for axis, fixed, other, colour in (
        (axes[0], ("D", D), "K", BLUE),
        (axes[1], ("K", K), "D", ORANGE),
    ):
        line = [c for c in codes if c[fixed[0]] == fixed[1]]
        line.sort(key=lambda c: c["bytes"])
        x = [c["bytes"] / 1e3 for c in line]
        y = [c["valid_perplexity"] for c in line]
        axis.plot(x, y, "o-", color=colour)
        rises = [*(np.diff(y) > 0), False]  # then there is room below
        for c, up, *at in zip(line, rises, x, y, strict=True):
            axis.annotate(
                f"{other} = {c[other]}",
                at,
                textcoords="offset points",
                xytext=(0, -16) if up else (5, 5),
                ha="center" if up else "left",
            )
        axis.axhline(plain, color=GREY, linestyle="--", linewidth=1)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(ticker.ScalarFormatter())
        axis.xaxis.set_minor_formatter(ticker.NullFormatter())
        axis.set_xlabel("embedding, kB (codes packed, floats of 4 bytes)")
        axis.set_title(f"{fixed[0]} = {fixed[1]}")
        axis.margins(x=0.2, y=0.12)
    axes[0].annotate(
        f"conventional, {results['conventional']['bytes'] / 1e6:.1f} MB",
        (0.02, plain),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        xytext=(0, -3),
        va="top",
        color=GREY,
    )
    epochs = results["epochs"]
    axes[0].set_ylabel(f"validation perplexity, best of {epochs} epochs")
    return figure


if __name__ == "__main__":
    args = parse(__doc__, data_dir="holds ptb.*.txt; default: downloaded")
    if not args.draw:
        measure_quickly(args) if args.quick else measure(args)
    finish(args, draw)
