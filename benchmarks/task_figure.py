"""The table and the figure of `tasks.py`: quality against bytes."""

import json

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from record import RESULTS
from rich.console import Console
from rich.table import Table

OPTIONS = (
    "d", "rank", "share", "bits", "K", "D", "code_dim", "counted", "tiers",
    "last_rate",
)  # fmt: skip
LINES = {
    "compress": ("#D55E00", "s-"),
    "codes": ("#0072B2", "o-"),
    "learned": ("#56B4E9", "x--"),
    "unfrozen": ("#0072B2", "1:"),
    "low_rank": ("#009E73", "^-"),
    "rounded": ("#8C510A", "p-"),
    "cut": ("#E69F00", "v-"),
    "smaller": ("#CC79A7", "<:"),
    "hashing": ("#888888", "d:"),
    "quotient_remainder": ("#BBBBBB", "+:"),
    "random_codes": ("#444444", "*:"),
}
NAMES = {
    "codes": "codes of the table",
    "learned": "codes learned in the task",
    "unfrozen": "codes of the table, unfrozen",
    "rounded": "int4 and int2 tables",
    "cut": "cut vocabulary",
    "low_rank": "low rank",
    "smaller": "smaller d",
    "hashing": "hashing",
    "quotient_remainder": "quotient and remainder",
    "random_codes": "random codes",
}
BELOW = 12  # points below `compress` at which a panel ends
TITLES = {
    "mr": "Movie reviews, convolution",
    "trec": "TREC questions, convolution",
    "subj": "Subjectivity, LSTM",
    "movies": "MovieLens small, two tables",
}


def rows_of(name):
    """Returns the rows of a results file, if there is one."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text())["rows"] if path.exists() else []


def key_of(row):
    return json.dumps(
        {name: row.get(name) for name in ("task", "seed", "method", *OPTIONS)}
    )


def groups_of(rows, task):
    """Groups the rows of a task over the seeds; the largest files first."""
    groups: dict[str, list] = {}
    for row in rows:
        if row["task"] == task:
            groups.setdefault(key_of(row | {"seed": None}), []).append(row)
    return sorted(groups.values(), key=lambda group: -kilobytes(group))


def kilobytes(group):
    return float(np.mean([row["bytes"] for row in group])) / 1000


def quality(group):
    return mean_and_error([row["quality"] for row in group])


def mean_and_error(values):
    """Returns the mean, and its standard error or None for one seed."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), None
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)


def show(rows, task):
    table = Table(
        "method", "kB", "quality", "standard error", "seeds", title=task
    )
    for group in groups_of(rows, task):
        mean, error = quality(group)
        told = [f"{x}={group[0][x]}" for x in OPTIONS if x in group[0]]
        table.add_row(
            " ".join([group[0]["method"], *told]),
            f"{kilobytes(group):.0f}",
            f"{mean:.2f}",
            "" if error is None else f"{error:.2f}",
            str(len(group)),
        )
    Console(width=110).print(table)


def draw(rows, path):
    """Draws a panel for each task of which `compress` has been measured."""
    tasks = [
        x
        for x in TITLES
        if any(r["task"] == x and r["method"] == "compress" for r in rows)
    ]
    if not tasks:
        return
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(5 * len(tasks), 4.6), layout="constrained")
        axes = figure.subplots(1, len(tasks), squeeze=False)[0]
        for axis, task in zip(axes, tasks, strict=True):
            _panel(axis, rows, task)
        lines = {
            label: handle
            for axis in axes
            for handle, label in zip(
                *axis.get_legend_handles_labels(), strict=True
            )
        }
        figure.legend(
            lines.values(), lines.keys(),
            loc="outside lower center", ncols=5, frameon=False,
        )  # fmt: skip
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _panel(axis, rows, task):
    groups = groups_of(rows, task)
    seeds = max(len(g) for g in groups if g[0]["method"] != "compress")
    # Means of other seeds are not comparable: those of all seeds only.
    groups = [group for group in groups if len(group) >= seeds]
    for method, (colour, style) in LINES.items():
        # These are other lines of the same method.
        others = {"tiers", "counted", "code_dim", "last_rate"}
        own = [
            g
            for g in groups
            if g[0]["method"] == method and not others & g[0].keys()
        ]
        if own:
            axis.plot(
                [kilobytes(g) for g in own],
                [quality(g)[0] for g in own],
                style,
                color=colour,
                label=NAMES.get(method, method),
                markersize=4.5,
            )
    for group in groups:
        if group[0]["method"] == "table":
            axis.axhline(quality(group)[0], color="black", linewidth=0.8)
    least = [quality(g)[0] for g in groups if g[0]["method"] == "compress"]
    axis.set_ylim(bottom=min(least) - BELOW)
    axis.set_xscale("log")
    axis.set_xticks([20, 50, 100, 200, 400])
    axis.set_xticklabels(["20", "50", "100", "200", "400"])
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("kB of the int8 file")
    axis.set_ylabel(f"{groups[0][0]['measure']}, %")
    axis.set_title(f"{TITLES[task]}, {seeds} seed{'s' * (seeds > 1)}")
    axis.grid(alpha=0.25)
