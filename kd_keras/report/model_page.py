"""The page about a model that was made small."""

import html
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from kd_keras.report.numbers import format_bytes
from kd_keras.report.page import report_text


def model_page(report: dict[str, Any]) -> str:
    """Writes the report of a model as a page that needs no other file.

    Args:
        report: dict. Contents of `report.json`, see `compress_model_file`.

    Returns:
        A str, the page.
    """
    plan = report["plan"]
    precision = plan["quantization"] or "float32"
    weighted = any(x["weighted"] for x in plan["tables"])
    versions = report["versions"]
    return Template(report_text("model_page.html")).substitute(
        style=report_text("page_style.css"),
        title=html.escape(plan["model"]),
        before=format_bytes(plan["before"]),
        after=format_bytes(report["bytes"], like=plan["before"]),
        summary=(
            f"The file in {precision}, graph included; the budget was "
            f"{plan['budget']:,} bytes."
        ),
        tables=_tables(plan),
        weighted=" Frequent symbols count more." if weighted else "",
        left=_left(plan),
        alternatives=_alternatives(plan),
        training=_training(report),
        parts=_parts(report),
        folder=html.escape(Path(report["folder"]).name),
        command=html.escape(report["command"]),
        footer=html.escape(
            f"kd_keras {versions.get('kd_keras', '')}, "
            f"{report['seconds']:.0f} seconds"
        ),
    )


def metric_lines(measured: dict[str, dict[str, float]]) -> list[str]:
    """Tells the model's own loss and metrics, a line for each.

    Args:
        measured: dict. See `Compressed.measured`; empty for no lines.

    Example:

    >>> metric_lines({"before": {"loss": 0.5}, "trained": {"loss": 0.25}})
    ['loss of the validation data: 0.50000 before, 0.25000 trained']
    """
    return [
        f"{name} of the validation data: "
        + ", ".join(f"{x[name]:#.5g} {when}" for when, x in measured.items())
        for name in _names(measured)
    ]


def _names(measured: dict[str, dict[str, float]]) -> list[str]:
    """Lists what was measured each time.

    A model that was compiled twice still tells metrics of the first time, and
    its copy does not.
    """
    first = next(iter(measured.values()), {})
    return [x for x in first if all(x in found for found in measured.values())]


def _tables(plan: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (
            f"{x['name']}, {x['N']:,} x {x['d']:,}",
            x["told"],
            f"{x['bytes_before']:,}",
            f"{x['bytes']:,}",
            f"{x['error']:.3f}",
        )
        for x in plan["tables"]
    ]
    rows.append(("all else", "", "", f"{plan['rest']:,}", ""))
    heads = ("table", "form", "bytes now", "bytes", "error")
    return _table(heads, rows, left=2)


def _left(plan: dict[str, Any]) -> str:
    lines = [f"{x['name']}: {x['reason']}" for x in plan["left"]]
    lines += plan["notes"]
    return "".join(f"<p>{html.escape(x)}</p>" for x in lines)


def _alternatives(plan: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (
            x["way"],
            f"{x['bytes']:,}",
            f"{x['error']:.3f}",
            "" if x["loss"] is None else f"{x['loss']:#.5g}",
        )
        for x in plan["alternatives"]
    ]
    taken = [x["way"] == plan["way"] for x in plan["alternatives"]]
    return _table(("way", "bytes", "error", "loss"), rows, taken)


def _training(report: dict[str, Any]) -> str:
    measured = report["measured"]
    lines = []
    if report["losses"]:
        lines.append(
            "The loss above is that of the validation data after a short "
            "training: of the targets, if there are any, and of the distance "
            "from what the original computes."
        )
    else:
        lines.append("The small model was not trained.")
    if "test_perplexity" in report:  # of a language model
        lines.append(
            "The perplexity of the test text, measured on the file: "
            f"{report['test_perplexity']:.2f}."
        )
    page = "".join(f"<p>{line}</p>" for line in lines)
    if not measured:
        return page
    rows: list[tuple[str, ...]] = [
        (name, *(f"{x[name]:#.5g}" for x in measured.values()))
        for name in _names(measured)
    ]
    return page + _table(("of the validation data", *measured), rows)


def _parts(report: dict[str, Any]) -> str:
    before, after = report["parts_before"], report["parts"]
    names = [x for x in {**before, **after} if before.get(x) or after.get(x)]
    rows: list[tuple[str, ...]] = [
        (name, f"{before.get(name, 0):,}", f"{after.get(name, 0):,}")
        for name in names
    ]
    sums = (f"{sum(x.values()):,}" for x in (before, after))
    rows.append(("sum", *sums))
    return _table(("part", "bytes before", "bytes after"), rows)


def _table(
    heads: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    marked: Sequence[bool] | None = None,
    left: int = 1,
) -> str:
    """Writes a table; its first `left` columns are text, others numbers."""

    def cells(tag: str, values: tuple[str, ...]) -> str:
        return "".join(
            f'<{tag} class="n">{html.escape(value)}</{tag}>'
            if i >= left
            else f"<{tag}>{html.escape(value)}</{tag}>"
            for i, value in enumerate(values)
        )

    body = "".join(
        f"<tr{' class=taken' if marked and marked[i] else ''}>"
        f"{cells('td', row)}</tr>"
        for i, row in enumerate(rows)
    )
    return (
        f"<table><thead><tr>{cells('th', heads)}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
