"""The figure of `chart.py`: error against bytes per symbol."""

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

TITLES = {
    "ptb": "language model, 10,000 x 200",
    "glove": "GloVe, 10,000 x 50",
    "glove, all": "GloVe, 400,000 x 50",
    "wordllama": "WordLlama, 32,000 x 256",
    "isotropic": "normal, 10,000 x 64",
}
# Name, colour, style.
LINES = {
    "codes": ("codes, linear", "#D55E00", "o-"),
    "narrow": ("codes, d' = d/4", "#E69F00", "o--"),
    "concat": ("codes, concat", "#CC79A7", "o:"),
    "PQ": ("faiss PQ", "#0072B2", "v:"),
    "OPQ": ("faiss OPQ", "#0072B2", "^--"),
    "RQ": ("faiss RQ", "#56B4E9", "s:"),
    "LSQ": ("faiss LSQ", "#56B4E9", "D--"),
    "low_rank": ("low rank, int8", "#009E73", "x-"),
    "one_codebook": ("one codebook", "#888888", "+:"),
    "int8": ("int8", "black", "*"),
    "dynamic_wi4_afp32": ("int4 by row", "black", "P"),
    "dynamic_wi4b32_afp32": ("int4 in blocks of 32", "black", "X"),
    "dynamic_wi2c_hr_afp32": ("int2, Hadamard", "black", "h"),
}


def line_of(row):
    """Returns the key of the line that a row belongs to."""
    options = row["options"]
    if row["method"] == "codes":
        if "code_dim" in options:
            return "narrow"
        return options.get("composition", "codes")
    if row["method"] == "faiss_index":
        kind = options["factory"].split(",")[0]
        return kind.rstrip("0123456789x_")
    return options.get("recipe", row["method"])


def draw(rows, path):
    """Draws a panel for each table."""
    tables = [x for x in TITLES if any(r["table"] == x for r in rows)]
    if not tables:
        return
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(4.6 * len(tables), 4.8), layout="constrained")
        axes = figure.subplots(1, len(tables), squeeze=False)[0]
        handles = {}
        for axis, table in zip(axes, tables, strict=True):
            for key, (label, colour, style) in LINES.items():
                own = sorted(
                    (r["bytes_per_symbol"], r["error"])
                    for r in rows
                    if r["table"] == table and line_of(r) == key
                )
                if own:
                    [line] = axis.plot(
                        *zip(*own, strict=True),
                        style,
                        color=colour,
                        markersize=5,
                    )
                    handles[label] = line
            axis.set_xscale("log")
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.set_ylim(0, 1)
            axis.set_xlabel("bytes of the file per symbol")
            axis.set_title(TITLES[table])
            axis.grid(alpha=0.25)
        axes[0].set_ylabel("relative error, mean subtracted")
        figure.legend(
            handles.values(), handles.keys(),
            loc="outside lower center", ncols=7, frameon=False,
        )  # fmt: skip
        figure.savefig(path, dpi=110, metadata={"Software": None})
