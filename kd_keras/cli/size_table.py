"""Prints a `SizeReport` on the terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kd_keras.export.size.report import SizeReport
from kd_keras.report.numbers import format_bytes, format_ratio


def print_size_report(
    report: SizeReport, console: Console | None = None
) -> None:
    """Prints what the bytes of a file are used for.

    Args:
        report: `SizeReport`.
        console: `Console` or None. Where to print; None for standard output.
    """
    console = console or Console(highlight=False)
    precision = report.quantization or "float32"
    console.print(Text(f"{report.name}: {report.format}, {precision}", "bold"))
    parts = Table.grid(padding=(0, 2))
    parts.add_column()
    parts.add_column(justify="right")
    parts.add_column(justify="right", style="dim")
    for role, count in report.parts.items():
        if count:
            share = f"{100 * count / report.total:.1f} %"
            parts.add_row(Text(role), f"{count:,}", share)
    parts.add_row("all bytes", f"{report.total:,}", "")
    console.print(parts)
    console.print()
    facts = Table.grid(padding=(0, 2))
    for line in _facts(report):
        facts.add_row(*line)
    console.print(facts)


def _facts(report: SizeReport) -> Iterator[tuple[str, str | Text]]:
    """Yields the rows of the table of facts."""
    for e in report.embeddings:
        D = e["D"]
        if "tiers" in e:
            ends = ", ".join(f"{end:,}" for end in e["tiers"]["ends"])
            lengths = ", ".join(map(str, e["tiers"]["D"]))
            D = f"({lengths}) in tiers up to {ends}"
        text = (
            f"{e['N']:,} symbols x {e['d']}, K={e['K']}, D={D}, "
            f"{e['composition']}, code_dim={e['code_dim']}"
        )
        if "shares" in e:
            text += f", {' and '.join(e['shares'])} of an earlier layer"
        yield e.get("layer", "embedding"), text
    for t in report.tables:
        text = f"{t['name']}: {t['N']:,} symbols x {t['d']}, not coded"
        yield "embedding table", Text(text)
    if report.bits_per_symbol is not None:
        table = 4 * report.conventional_parameters
        ratio = format_ratio(table / report.embedding_bytes)
        yield "bits per symbol", f"{report.bits_per_symbol:,.1f}"
        yield (
            "against float32",
            f"{ratio} than a table of {format_bytes(table)}",
        )
    if report.parameters is not None:
        yield (
            "parameters",
            f"{report.parameters:,} as the paper counts them (codes as "
            f"integers), {report.conventional_parameters:,} in a table",
        )
    if report.predicted is not None:
        yield (
            "predicted",
            f"{report.predicted:,} bytes of codes, code embeddings and "
            f"composition; found {report.embedding_bytes:,}",
        )
    if report.operators:
        names = ", ".join(f"{n} {name}" for name, n in report.operators.items())
        yield "operators", Text(names)
    if report.peak_bytes is not None:
        size = format_bytes(report.peak_bytes)
        yield "live tensors", f"about {size} at the most (an estimate)"
