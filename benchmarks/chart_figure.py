"""The figure of `chart.py`: error against bytes per symbol."""

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

TITLES = {
    "glove": "GloVe, 10,000 x 50",
    "ptb": "language model, 10,000 x 200",
    "french": "French words, 20,000 x 300",
    "wordllama": "WordLlama, 32,000 x 256",
    "glove, all": "GloVe, 400,000 x 50",
    "isotropic": "normal, 10,000 x 64",
}
COLUMNS = 3
# Name, colour, style.
LINES = {
    "bound": ("bound for normal vectors", "#CCCCCC", "-"),
    "codes, K=4": ("codes, K = 4", "#D55E00", "D"),
    "codes, K=16": ("codes, K = 16", "#D55E00", "o-"),
    "codes, K=64": ("codes, K = 64", "#D55E00", "s:"),
    "codes, K=256": ("codes, K = 256", "#D55E00", "^--"),
    "narrow, K=16": ("codes, K = 16, d' = d/2", "#E69F00", "s"),
    "narrow, K=256": ("codes, K = 256, d' = d/4", "#E69F00", "o-"),
    "counts": ("codes, K = 16, counts", "#D55E00", "*"),
    "concat": ("codes, K = 256, concat", "#CC79A7", "o-"),
    "residual": ("codes, K = 16, residual", "#CC79A7", "s--"),
    "neural_quantizer": ("neural, as QINCo", "#E69F00", "x"),
    "corrective_adaptor": ("groups and network, as CARVQ", "#E69F00", "1"),
    "PQ": ("faiss PQ", "#0072B2", "v:"),
    "OPQ": ("faiss OPQ", "#0072B2", "^--"),
    "RQ": ("faiss RQ", "#56B4E9", "s:"),
    "LSQ": ("faiss LSQ", "#56B4E9", "D--"),
    "RaBitQ": ("faiss RaBitQ", "#56B4E9", "*"),
    "low_rank": ("low rank, int8", "#009E73", "x-"),
    "one_codebook": ("one codebook", "#888888", "+:"),
    "int8": ("int8", "black", "*"),
    "keras_int4": ("Keras int4", "#888888", "P"),
    "dynamic_wi4_afp32": ("int4 by row", "black", "P"),
    "dynamic_wi4_afp32, OCTAV": ("int4, OCTAV", "black", "p"),
    "dynamic_wi4c_hr_afp32": ("int4, Hadamard", "black", "H"),
    "dynamic_wi4b32_afp32": ("int4 in blocks of 32", "black", "X"),
    "dynamic_wi2c_afp32, OCTAV": ("int2, OCTAV", "black", "d"),
    "dynamic_wi2c_hr_afp32": ("int2, Hadamard", "black", "h"),
}


def line_of(row):
    """Returns the key of the line that a row belongs to."""
    options = row["options"]
    if row["method"] == "codes":
        if "counts" in options:
            return "counts"
        if "code_dim" in options:
            return f"narrow, K={options['K']}"
        return options.get("composition", f"codes, K={options['K']}")
    if row["method"] == "faiss_index":
        return options["factory"].split(",")[0].rstrip("0123456789x_")
    if row["method"] == "quantizer":
        octav = ", OCTAV" if options["algorithm"] == "OCTAV" else ""
        return options["recipe"] + octav
    return row["method"]


def draw(rows, path):
    """Draws a panel for each table."""
    tables = [x for x in TITLES if any(r["table"] == x for r in rows)]
    if not tables:
        return
    columns = min(COLUMNS, len(tables))
    lines = -(-len(tables) // columns)
    with rc_context({"font.size": 9}):
        figure = Figure((4.6 * columns, 4 * lines + 1), layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axis in axes[len(tables) :]:
            axis.set_axis_off()
        handles = {}
        for axis, table in zip(axes, tables, strict=False):
            handles |= _panel(axis, [r for r in rows if r["table"] == table])
            axis.set_title(TITLES[table])
        for axis in axes[::columns]:
            axis.set_ylabel("relative error, mean subtracted")
        for axis in axes[len(tables) - columns : len(tables)]:
            axis.set_xlabel("bytes of the file per symbol")
        figure.legend(
            handles.values(), handles.keys(),
            loc="outside lower center", ncols=7, frameon=False,
        )  # fmt: skip
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _panel(axis, rows):
    """Draws the lines of a table, and returns their handles by name."""
    handles = {}
    for key, (label, colour, style) in LINES.items():
        own = sorted(
            (r["bytes_per_symbol"], r["error"])
            for r in rows
            if line_of(r) == key
        )
        if own:
            [handles[label]] = axis.plot(
                *zip(*own, strict=True), style, color=colour, markersize=5
            )
    axis.set_xscale("log")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_ylim(0, 1)
    axis.grid(alpha=0.25)
    return handles
