"""The page about a model that was made small."""

import html
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from kd_keras.report.numbers import format_bytes
from kd_keras.report.page import report_text

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title, made small</title>
<style>
$style
table { width: 100%; border-collapse: collapse; font-size: .94rem; }
th, td { padding: .4rem .9rem .4rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; }
.n { text-align: right; white-space: nowrap; padding-right: 0;
  padding-left: .9rem; font-variant-numeric: tabular-nums; }
tr.sum td { border-bottom: 0; font-weight: 650; }
tr.taken td { background: var(--soft); }
pre { margin: .5rem 0 1rem; padding: .8rem 1rem; overflow-x: auto;
  background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .84rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p class="headline">$before <span>&rarr;</span> <b>$after</b></p>
<p>$summary</p>

<h2>What each table became</h2>
$tables
<p class="small quiet">The error is the estimated squared error, relative to
that of a table in which all rows are the same.$weighted</p>
$left

<h2>What else the same bytes would give</h2>
$alternatives
$training

<h2>Where the bytes are</h2>
$parts

<h2>Use it</h2>
<pre>import keras, kd_keras
model = keras.saving.load_model("$folder/model.keras")  # goes on training
lite = kd_keras.load_litert("$folder/model.tflite")  # what ships</pre>

<h2>How to reproduce this</h2>
<pre>$command</pre>
</main>
<footer>$footer</footer>
</body>
</html>
""")


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
    return _PAGE.substitute(
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
    return _table(("table", "form", "bytes now", "bytes", "error"), rows)


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
            "" if x["loss"] is None else f"{x['loss']:.4f}",
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
    page = "".join(f"<p>{line}</p>" for line in lines)
    if not measured:
        return page
    names = list(next(iter(measured.values())))
    rows: list[tuple[str, ...]] = [
        (name, *(f"{x[name]:.4f}" for x in measured.values())) for name in names
    ]
    return page + _table(("part", *measured), rows).replace(
        "<th>part</th>", "<th>of the validation data</th>"
    )


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
) -> str:
    """Writes a table; columns of numbers are at the right."""
    right = [name not in ("table", "form", "way", "part") for name in heads]

    def cells(tag: str, values: tuple[str, ...]) -> str:
        return "".join(
            f'<{tag} class="n">{html.escape(value)}</{tag}>'
            if is_right
            else f"<{tag}>{html.escape(value)}</{tag}>"
            for value, is_right in zip(values, right, strict=True)
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
