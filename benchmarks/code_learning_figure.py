"""Tables and the figure of `code_learning.py`."""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

# Those of the figure; all are in the printed tables.
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


def settings_of(cells, table):
    found = {(c["K"], c["D"]) for c in cells if c["table"] == table}
    return sorted(found, key=lambda s: (s[1] * np.log2(s[0]), s[1]))


def print_tables(cells, methods):
    for name in dict.fromkeys(cell["table"] for cell in cells):
        settings = settings_of(cells, name)
        table = Table("method", *(f"K={K} D={D}" for K, D in settings))
        table.title = f"{name}: error (seconds), median of the seeds"
        for method in methods:
            row = []
            for K, D in settings:
                error = median_of(cells, name, K, D, method)
                took = median_of(cells, name, K, D, method, "seconds")
                row.append("" if error is None else f"{error:.4g} ({took:.0f})")
            if any(row):
                table.add_row(method, *row)
        Console().print(table)


def draw(cells, methods, path):
    tables = [t for t in TITLES if any(c["table"] == t for c in cells)]
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
    bits = [int(D * np.ceil(np.log2(K))) for K, D in settings]
    for method, (colour, style) in LINES.items():
        shown = [
            (b, error)
            for b, (K, D) in zip(bits, settings, strict=True)
            if (error := median_of(cells, name, K, D, method, MEASURE))
        ]
        if shown:
            axis.plot(
                *zip(*shown, strict=True), style, color=colour, label=method
            )
    bound = {
        b: cell["bound"] * cell["error_over_variance"] / cell["error"]
        for b, (K, D) in zip(bits, settings, strict=True)
        for cell in cells
        if (cell["table"], cell["K"], cell["D"]) == (name, K, D)
        and "bound" in cell
    }
    label = "Gaussian rate-distortion bound"
    axis.plot(bound.keys(), bound.values(), "k:", label=label)
    axis.set(yscale="log", title=TITLES[name], xlabel="bits of a code")
    axis.set(ylabel="error / variance")
    ticks = dict.fromkeys(bits)
    axis.set_xticks(list(ticks))


MEASURE = "error_over_variance"
