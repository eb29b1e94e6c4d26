"""The table and the figure of `compress.py`: ours beside the best of others.

A rival's quality at our bytes is taken between its own two sizes around them,
on a line over the logarithm of the bytes, for each seed. The best rival is the
one with the highest mean.
"""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from rich.console import Console
from rich.table import Table
from task_figure import TITLES

RIVALS = (
    "table", "rounded", "cut", "low_rank", "smaller", "hashing",
    "quotient_remainder",
)  # fmt: skip


def show(rows, others):
    table = Table(
        "task", "share", "kB", "of budget", "plan", "quality", "best rival",
        "its quality", "difference", "seeds", "seconds",
    )  # fmt: skip
    for task in TITLES:
        for share, found in _by_share(rows, task).items():
            best = best_rival(found, others)
            table.add_row(
                task,
                f"{share:.1%}",
                f"{_mean(found, 'bytes') / 1000:.0f}",
                f"{np.mean([r['bytes'] / r['budget'] for r in found]):.1%}",
                f"{max(abs(r['planned'] / r['bytes'] - 1) for r in found):.1%}",
                told([r["quality"] for r in found]),
                best["method"] if best else "",
                told(best["quality"]) if best else "",
                told(best["difference"]) if best else "",
                str(len(best["quality"]) if best else len(found)),
                f"{np.median([r['seconds'] for r in found]):.0f}",
            )
    Console(width=130).print(table)


def best_rival(found, others):
    """Returns the method that is best at the bytes of `found`, or None."""
    candidates = []
    for method in RIVALS:
        pairs = []
        for row in found:
            quality = quality_at(row["bytes"], method, row, others)
            if quality is not None:
                pairs.append((row["quality"], quality))
        if pairs:
            own, its = np.array(pairs).T
            candidates.append(
                {"method": method, "quality": its, "difference": own - its}
            )
    # One that was measured with fewer seeds is not comparable.
    most = max((len(c["quality"]) for c in candidates), default=0)
    candidates = [c for c in candidates if len(c["quality"]) == most]
    return max(candidates, key=lambda c: c["quality"].mean(), default=None)


def quality_at(size, method, row, others):
    """Returns a rival's quality at a size, or None where it has no larger and
    no smaller file of the same task and seed."""
    same = [
        r
        for r in others
        if all(r[x] == row[x] for x in ("task", "seed"))
        and r["method"] == method
    ]
    same.sort(key=lambda r: r["bytes"])
    sizes = [r["bytes"] for r in same]
    if not same or not sizes[0] <= size <= sizes[-1]:
        return None
    return np.interp(np.log(size), np.log(sizes), [r["quality"] for r in same])


def told(values):
    values = np.asarray(values, float)
    if len(values) < 2:
        return f"{values.mean():.1f}"
    error = values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():.1f} ± {error:.1f}"


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
        axes[0].legend(frameon=False)
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _panel(axis, task, by_share, others):
    rows = [row for found in by_share.values() for row in found]
    own, best, names = [], [], []
    for found in by_share.values():
        size = _mean(found, "bytes") / 1000
        own.append((size, *_mean_and_error([r["quality"] for r in found])))
        if rival := best_rival(found, others):
            best.append((size, *_mean_and_error(rival["quality"])))
            names.append(rival["method"].replace("_", "-"))
    for points, colour, label in (
        (own, "#D55E00", "compress"),
        (best, "#444444", "best of the others at these bytes"),
    ):
        if points:
            size, mean, error = zip(*points, strict=True)
            axis.errorbar(
                size, mean, error, color=colour, label=label,
                marker="s", markersize=4, capsize=3,
            )  # fmt: skip
    for (size, mean, _), name in zip(best, names, strict=True):
        axis.annotate(
            name, (size, mean), (0, -12), textcoords="offset points",
            ha="center", fontsize=7, color="#444444",
        )  # fmt: skip
    axis.axhline(
        np.mean([row["before"] for row in rows]),
        color="black", linewidth=0.8, linestyle=":",
    )  # fmt: skip
    axis.set_xscale("log")
    axis.set_xticks([20, 50, 100, 200])
    axis.set_xticklabels(["20", "50", "100", "200"])
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("kB of the int8 file")
    [measure] = {row["measure"] for row in rows}
    axis.set_ylabel(f"{measure}, %")
    seeds = max(map(len, by_share.values()))
    axis.set_title(f"{TITLES[task]}, {seeds} seed{'s' * (seeds > 1)}")
    axis.grid(alpha=0.25)


def _by_share(rows, task):
    found = {}
    for row in sorted(rows, key=lambda r: -r["share"]):
        if row["task"] == task:
            found.setdefault(row["share"], []).append(row)
    return found


def _mean(rows, name):
    return float(np.mean([row[name] for row in rows]))


def _mean_and_error(values):
    values = np.asarray(values, float)
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0
    return float(values.mean()), float(error)
