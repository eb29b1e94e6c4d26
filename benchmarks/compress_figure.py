"""The table and the figure of `compress.py`: ours beside the best of others.

What a rival gives at our bytes is the best of two things: any of its files that
is not larger than ours, and a point on the line between its two sizes around
ours, over the logarithm of the bytes. (If ours is above all of its sizes, it is
its largest.) The best rival is the one with the highest mean over the seeds
that both have.
"""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from rich.console import Console
from rich.table import Table
from task_figure import NAMES, OPTIONS, TITLES, mean_and_error

RIVALS = (
    "rounded", "cut", "low_rank", "smaller", "hashing", "quotient_remainder",
)  # fmt: skip
HAS_NOTHING_BETWEEN = "rounded"  # 4 and 2 bits
# TensorFlow's converter, which writes most of the rivals' files, takes up to so
# much more than `export_litert` for the same model: these files are counted as
# that much smaller.
OF_THE_CONVERTER = 1900


def show(rows, others):
    table = Table(
        "task", "share", "kB", "used of the budget", "quality", "best rival",
        "its quality", "difference", "seeds", "seconds",
    )  # fmt: skip
    for task in TITLES:
        for share, found in _by_share(rows, task).items():
            own = [row["quality"] for row in found]
            best = best_rival(found, others)
            told = ["", "", ""]
            if best:
                own = best["own"]
                told = [
                    best["method"],
                    _told(best["quality"]),
                    _told(own - best["quality"]),
                ]
            table.add_row(
                task,
                f"{share:.1%}",
                f"{_kilobytes(found):.0f}",
                f"{np.mean([r['bytes'] / r['budget'] for r in found]):.1%}",
                _told(own),
                *told,
                str(len(own)),
                f"{np.median([r['seconds'] for r in found]):.0f}",
            )
    Console(width=130).print(table)


def best_rival(found, others):
    """Returns the best method at the bytes of `found`, or None.

    Returns:
        dict of `method`, its `quality` and ours, `own`, for the same seeds.
    """
    candidates = []
    for method in RIVALS:
        cells = {}
        for row in others:
            if row["task"] == found[0]["task"] and row["method"] == method:
                cell = tuple(str(row.get(name)) for name in OPTIONS)
                size = row["bytes"]
                if row.get("writer") != "export_litert":
                    size -= OF_THE_CONVERTER
                cells.setdefault(cell, {})[row["seed"]] = row | {"bytes": size}
        ways = [_not_larger(cell) for cell in cells.values()]
        if method != HAS_NOTHING_BETWEEN:
            ways.append(_between(cells.values()))
        for way in ways:
            pairs = [(r["quality"], way(r)) for r in found]
            pairs = [pair for pair in pairs if pair[1] is not None]
            if pairs:
                own, its = np.array(pairs).T
                candidates.append(
                    {"method": method, "quality": its, "own": own}
                )
    # One that was measured with fewer seeds is not comparable.
    most = max((len(c["own"]) for c in candidates), default=0)
    candidates = [c for c in candidates if len(c["own"]) == most]
    return max(candidates, key=lambda c: c["quality"].mean(), default=None)


def _not_larger(cell):
    def quality(row):
        its = cell.get(row["seed"])
        if its is None or its["bytes"] > row["bytes"]:
            return None
        return its["quality"]

    return quality


def _between(cells):
    def quality(row):
        its = [cell[row["seed"]] for cell in cells if row["seed"] in cell]
        its.sort(key=lambda x: x["bytes"])
        sizes = [x["bytes"] for x in its]
        if not its or row["bytes"] < sizes[0]:
            return None
        known = [x["quality"] for x in its]
        # Above the largest size, that of the largest.
        return np.interp(np.log(row["bytes"]), np.log(sizes), known)

    return quality


def draw(rows, others, path):
    """Draws a panel for each task that has been measured."""
    tasks = [task for task in TITLES if any(r["task"] == task for r in rows)]
    if not tasks:
        return
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(4.6 * len(tasks), 4), layout="constrained")
        axes = figure.subplots(1, len(tasks), squeeze=False)[0]
        for axis, task in zip(axes, tasks, strict=True):
            _panel(axis, task, _by_share(rows, task), others)
        figure.legend(
            *axes[0].get_legend_handles_labels(),
            loc="outside lower center", ncols=3, frameon=False,
        )  # fmt: skip
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _panel(axis, task, by_share, others):
    rows = [row for found in by_share.values() for row in found]
    own, best = [], []
    for found in by_share.values():
        size = _kilobytes(found)
        own.append((size, *mean_and_error([r["quality"] for r in found])))
        if rival := best_rival(found, others):
            best.append((size, *mean_and_error(rival["quality"])))
            at_the_edge = len(best) == 1  # the largest files come first
            axis.annotate(
                NAMES[rival["method"]],
                best[-1][:2], (-5, -22) if at_the_edge else (5, -9),
                textcoords="offset points", fontsize=7, color="#444444",
                ha="right" if at_the_edge else "left",
            )  # fmt: skip
    for points, colour, label in (
        (own, "#D55E00", "compress"),
        (best, "#444444", "the best of the others at these bytes"),
    ):
        size, mean, error = zip(*points, strict=True) if points else ([],) * 3
        axis.errorbar(
            size, mean, [x or 0 for x in error], color=colour, label=label,
            marker="s", markersize=4, capsize=3,
        )  # fmt: skip
    axis.axhline(
        np.mean([row["before"] for row in rows]),
        color="black", linewidth=0.8, linestyle=":",
        label="the model that is compressed",
    )  # fmt: skip
    axis.set_xscale("log")
    axis.margins(0.12)  # for the labels
    axis.set_xticks([20, 50, 100, 200])
    axis.set_xticklabels(["20", "50", "100", "200"])
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("kB of the int8 file")
    [measure] = {row["measure"] for row in rows}
    axis.set_ylabel(f"{measure}, %")
    seeds = len({row["seed"] for row in rows})
    axis.set_title(f"{TITLES[task]}, {seeds} seed{'s' * (seeds > 1)}")
    axis.grid(alpha=0.25)


def _by_share(rows, task):
    found = {}
    for row in sorted(rows, key=lambda r: -r["share"]):
        if row["task"] == task:
            found.setdefault(row["share"], []).append(row)
    return found


def _kilobytes(rows):
    return float(np.mean([row["bytes"] for row in rows])) / 1000


def _told(values):
    mean, error = mean_and_error(values)
    return f"{mean:.1f}" if error is None else f"{mean:.1f} ± {error:.1f}"
