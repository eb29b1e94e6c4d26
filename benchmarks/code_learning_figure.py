"""The tables and the figure of `code_learning.py`."""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from rich.console import Console
from rich.table import Table

from kd_keras.codes.checks import code_bits

# The methods in the figure; the printed tables have all.
LINES = {
    "learn_codes residual": ("#009E73", "s-"),
    "learn_codes linear": ("#0072B2", "o-"),
    "algorithm 1": ("#56B4E9", "x--"),
    "faiss LSQ, long": ("#D55E00", "^-"),
    "faiss PLSQ, long": ("#E69F00", "<-"),
    "faiss LSQ": ("#CC79A7", "v:"),
    "faiss RQ, beam 16": ("#666666", "d-"),
    "faiss OPQ": ("#AAAAAA", "+:"),
}
MEASURE = "error_over_variance"  # of the figure
TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
TITLES = {"glove": "GloVe 10,000 x 50", "ptb": "PTB 10,000 x 200"}


def median_of(cells, table, K, D, method, measure="error"):
    found = [
        cell[measure]
        for cell in cells
        if (cell["table"], cell["K"], cell["D"], cell["method"])
        == (table, K, D, method)
        and measure in cell
    ]
    return float(np.median(found)) if found else None


def bits_of(K, D):
    return D * code_bits(K)


def settings_of(cells, table):
    found = {(c["K"], c["D"]) for c in cells if c["table"] == table}
    return sorted(found, key=lambda s: (bits_of(*s), s))


def print_tables(cells, methods):
    for name in dict.fromkeys(cell["table"] for cell in cells):
        settings = settings_of(cells, name)
        table = Table("method", *(f"K={K} D={D}" for K, D in settings))
        table.title = f"{name}: error (processor seconds), median of the seeds"
        for method in methods:
            row = []
            for K, D in settings:
                error = median_of(cells, name, K, D, method)
                took = median_of(cells, name, K, D, method, "cpu_seconds")
                shown = "" if error is None else f"{error:.4g}"
                row.append(shown + (f" ({took:.0f})" if took else ""))
            if any(row):
                table.add_row(method, *row)
        Console().print(table)


def draw(cells, path):
    tables = [t for t in TITLES if any(c["table"] == t for c in cells)]
    if not tables:
        return
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(4.8 * len(tables), 4.4), layout="constrained")
        axes = figure.subplots(1, len(tables), squeeze=False)[0]
        for axis, name in zip(axes, tables, strict=True):
            draw_table(axis, cells, name)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=3, frameon=False
        )
        figure.savefig(path, dpi=120, metadata={"Software": None})


def draw_table(axis, cells, name):
    settings = settings_of(cells, name)
    for method, (colour, style) in LINES.items():
        shown = [
            (place, error)
            for place, (K, D) in enumerate(settings)
            if (error := median_of(cells, name, K, D, method, MEASURE))
        ]
        if shown:
            axis.plot(
                *zip(*shown, strict=True), style, color=colour, label=method
            )
    for place, sizes in enumerate(settings):
        bounds = [
            cell["bound"] * cell["error_over_variance"] / cell["error"]
            for cell in cells
            if (cell["table"], cell["K"], cell["D"]) == (name, *sizes)
            and "bound" in cell
        ]
        axis.plot(
            [place] * len(bounds[:1]),
            bounds[:1],
            "k_",
            markersize=24,
            label="Gaussian rate-distortion bound" if place == 0 else None,
        )
    axis.set(yscale="log", title=TITLES[name], ylabel="error / variance")
    axis.set_xticks(
        range(len(settings)),
        [f"K={K}\nD={D}\n{bits_of(K, D)} bits" for K, D in settings],
    )
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_yticks(TICKS, [str(tick) for tick in TICKS])
    axis.set_ylim(*axis_limits(cells, name))


def axis_limits(cells, name):
    errors = [cell[MEASURE] for cell in cells if cell["table"] == name]
    return 0.7 * min(errors), 1.2 * max(errors)
