"""Table 1: the language model with codes and the conventional one.

`kd-keras ptb table` trains the rows and writes them to `results/ptb_small.json`
(40 to 60 minutes each). This script prints them as the paper's table and draws

- test perplexity and bytes of the embedding of every row, one dot per run;
- perplexity on the training and the validation text over the epochs: the
  conventional table over-fits, and codes hardly do (section 5 of the paper).

    python examples/paper/table1_language_model.py
"""

import json

from experiment import BLUE, GREEN, GREY, ORANGE, ROOT, finish, parse, record
from rich.console import Console
from rich.table import Table

ROWS = ROOT / "results" / "ptb_small.json"
LEARNERS = {
    "none": ("conventional", GREY),
    "random": ("random codes", ORANGE),
    "linear": ("learned codes", BLUE),
    "lstm": ("learned codes", BLUE),
    "concat": ("learned codes", BLUE),
    "task": ("codes learned with the task", GREEN),
}


def name_of(row):
    """Returns the paper's name of a row: code learning / re-learning."""
    if row["code_learning"] == "none":
        return "conventional"
    learned = row["code_learning"] + ", warm" * row["warm_start"]
    sizes = f"K = {row['K']}, D = {row['D']}"
    # U and b of an LSTM trained at the model's learning rate, not the default.
    rate = ", rate 1" if row["lstm_rate"] == 1 else ""
    return f"{learned} / {row['relearning']}, {sizes}{rate}"


def measure():
    rows = [
        row
        for row in json.loads(ROWS.read_text())["rows"]
        # The paper's table has dense output layers, trained from scratch.
        if row.get("output_layer", "dense") == "dense" and not row.get("tuned")
    ]
    kept = (
        "code_learning", "relearning", "K", "D", "warm_start", "seed",
        "lstm_rate", "backend", "test_perplexity", "valid_perplexity",
        "embedding_bytes", "embedding_parameters", "train_perplexity",
        "valid_perplexity_by_epoch", "command",
    )  # fmt: skip
    return {"rows": [{name: row[name] for name in kept} for row in rows]}


def show(results):
    table = Table("code learning / re-learning", title="Table 1, small model")
    for column in ("test perplexity", "bytes", "parameters saved"):
        table.add_column(column, justify="right")
    whole = results["rows"][0]
    for row in results["rows"]:
        saved = 1 - row["embedding_parameters"] / whole["embedding_parameters"]
        table.add_row(
            name_of(row)
            + (f", seed {row['seed']}" if row["seed"] else "")
            + (", JAX" if row["backend"] == "jax" else ""),
            f"{row['test_perplexity']:.2f}",
            f"{row['embedding_bytes'] / 1e3:,.0f} kB",
            f"{saved:.1%}" if saved else "",
        )
    Console().print(table)


def draw(results):
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 4), layout="constrained", width_ratios=(3, 2)
    )
    rows, runs = results["rows"], {}
    for row in rows:
        runs.setdefault(name_of(row), []).append(row)
    names = sorted(runs, key=lambda name: -runs[name][0]["test_perplexity"])
    labelled = set()
    left.axvline(rows[0]["test_perplexity"], color=GREY, ls="--", lw=1)
    for place, name in enumerate(names):
        first = runs[name][0]
        label, colour = LEARNERS[first["code_learning"]]
        found = [row["test_perplexity"] for row in runs[name]]
        left.plot(
            found,
            [place] * len(found),
            "o",
            color=colour,
            label=None if label in labelled else label,
        )
        labelled.add(label)
        low, high = f"{min(found):.1f}", f"{max(found):.1f}"
        left.annotate(
            (low if low == high else f"{low} to {high}")
            + f", {first['embedding_bytes'] / 1e3:,.0f} kB",
            (max(found), place),
            textcoords="offset points",
            xytext=(7, -3),
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    left.set_yticks(range(len(names)), names)
    left.set_xlim(105, 137)
    left.set_xlabel("test perplexity")
    left.set_title("code learning / re-learning")
    left.legend(loc="upper right", fontsize=8)

    codes = next(r for r in rows if r["code_learning"] == "linear")
    for row, colour in ((rows[0], GREY), (codes, BLUE)):
        epochs = range(1, 1 + len(row["train_perplexity"]))
        name = "codes" if row is codes else "conventional"
        right.plot(
            epochs,
            row["valid_perplexity_by_epoch"],
            color=colour,
            label=f"{name}, validation",
        )
        right.plot(
            epochs,
            row["train_perplexity"],
            color=colour,
            linestyle="--",
            label=f"{name}, training",
        )
    right.set_ylim(30, 200)
    right.set_xlabel("epoch")
    right.set_ylabel("perplexity")
    right.set_title(f"codes: K = {codes['K']}, D = {codes['D']}, linear")
    right.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    args = parse(__doc__)
    if not args.draw:
        results = measure()
        show(results)
        record(args, results, seed=0)
    finish(args, draw)
