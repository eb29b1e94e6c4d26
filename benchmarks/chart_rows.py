"""Prints rows of `results/chart.json` as the tables of `docs/chart.md`.

python benchmarks/chart_rows.py glove
"""

import json
import sys

from chart_figure import LINES, line_of
from record import RESULTS


def name_of(row):
    """Names a row: its line in the figure, and its size."""
    options = row["options"]
    key = line_of(row)
    name = LINES[key][0] if key in LINES else key
    if row["method"] == "codes":
        name = name.replace(f"K = {options['K']}", "").strip(", ")
        name = f"{name}, K = {options['K']}, D = {options['D']}"
        return name.replace("codes, , ", "codes, ")
    if row["method"] == "faiss_index":
        return f"{name}, `{options['factory']}`"
    return name + "".join(
        f", {key} {value}"
        for key, value in options.items()
        if key in ("rank", "K")
    )


def main(table):
    rows = json.loads((RESULTS / "chart.json").read_text())["rows"]
    rows = [x for x in rows if x["table"] == table and x["method"] != "bound"]
    tests = [x for x in ("WordSim-353", "SimLex-999", "Lee") if x in rows[0]]
    heads = ["", "bytes a symbol", "error", "neighbours kept, %", *tests]
    print(f"| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    for row in sorted(rows, key=lambda x: -x["bytes_per_symbol"]):
        cells = [
            name_of(row),
            f"{row['bytes_per_symbol']:.1f}",
            f"{row['error']:.3f}",
            f"{row['neighbours_kept']:.0f}",
            *(f"{row[x]:.1f}" for x in tests),
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main(sys.argv[1])
