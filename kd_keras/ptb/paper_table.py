"""The paper's Table 1 from the rows of finished training runs."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from rich.table import Table

from kd_keras.language_model.configurations import usual_lstm_rate
from kd_keras.ptb.results_file import Row
from kd_keras.report.numbers import format_bytes

GROUP = (
    "code_learning", "relearning", "K", "D", "code_dim", "lstm_rate",
    "warm_start", "tuned", "output_layer", "output_code_learning",
    "output_composition", "output_K", "output_D", "output_code_dim",
    "count_power", "output_count_power",
)  # fmt: skip


def paper_table(rows: Sequence[Row], title: str) -> Table:
    """Draws Table 1: perplexity and size for each kind of embedding.

    Rows that differ only in their seed become one line with the median of
    their perplexities. Sizes are those of the embedding, compared with the
    conventional table's; if an output layer has codes too, there are columns
    for it and for the bytes that it adds.

    Args:
        rows: sequence of dict. The rows of one configuration.
        title: str. The table's title.

    Returns:
        `rich.table.Table`.
    """
    table = Table(title=title)
    for name in ("code learning", "re-learning", "K", "D"):
        table.add_column(name)
    for name in (
        "train", "valid", "test", "seeds", "parameters saved", "bytes", "less",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    has_codes = any(row["output_layer"] != "dense" for row in rows)
    if has_codes:
        table.add_column("output layer")
        table.add_column("its bytes", justify="right")
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in GROUP), []).append(row)
    conventional = next((r for r in rows if r["code_learning"] == "none"), None)
    for group in groups.values():
        output = _output_cells(group[0]) if has_codes else []
        table.add_row(*_cells(group, conventional), *output)
    return table


def _output_cells(row: Row) -> list[str]:
    if row["output_layer"] == "dense":
        return ["", ""]
    if row["output_layer"] == "tied":
        return ["tied", "0 B"]
    composition = row["output_composition"]
    if row["output_code_dim"] is not None:
        composition += f", d'={row['output_code_dim']}"
    sizes = f"K={row['output_K']}, D={row['output_D']}"
    kind = f"{row['output_code_learning']}, {composition}, {sizes}"
    if row["output_count_power"] is not None:
        kind += f", counts^{row['output_count_power']:g}"
    return [kind, format_bytes(row["output_bytes"])]


def _cells(group: list[Row], conventional: Row | None) -> list[str]:
    first = group[0]

    def median(figure: Callable[[Row], float]) -> str:
        return f"{statistics.median(map(figure, group)):.1f}"

    learning = first["code_learning"]
    if learning == "none":
        learning = "conventional"
    if first["count_power"] is not None:
        learning += f", counts^{first['count_power']:g}"
    if first["warm_start"]:
        learning += ", warm start"
    if first["tuned"]:
        learning += ", tuned"
    relearning = first["relearning"]
    if first["code_dim"] is not None:
        relearning += f", d'={first['code_dim']}"
    if first["lstm_rate"] not in (None, usual_lstm_rate(first["D"])):
        relearning += f", rate {first['lstm_rate']:g}"
    cells = [
        learning,
        "" if relearning == "none" else relearning,
        str(first["K"] or ""),
        str(first["D"] or ""),
        median(_train_at_best),
        median(lambda row: row["valid_perplexity"]),
        median(lambda row: row["test_perplexity"]),
        str(len(group)),
    ]
    size = first["embedding_bytes"]
    if conventional is None or first["code_learning"] == "none":
        return [*cells, "", format_bytes(size), ""]
    saved = 1 - (
        first["embedding_parameters"] / conventional["embedding_parameters"]
    )
    less = conventional["embedding_bytes"] / size
    return [*cells, f"{saved:.1%}", format_bytes(size), f"{less:.1f}x"]


def _train_at_best(row: Row) -> float:
    """Returns the training perplexity at the best validation epoch."""
    valid = row["valid_perplexity_by_epoch"]
    return row["train_perplexity"][valid.index(min(valid))]
