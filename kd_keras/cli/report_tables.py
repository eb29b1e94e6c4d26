"""Prints the report of a folder on the terminal."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.errors import NotRenderableError
from rich.table import Table
from rich.text import Text

from kd_keras.folders.report_file import file_sizes
from kd_keras.report import numbers
from kd_keras.utils.errors import BadInputError


def print_report(
    report: dict[str, Any], folder: str, console: Console | None = None
) -> None:
    """Prints the contents of a folder: sizes, error, neighbours, codes, files.

    Args:
        report: dict. The contents of `report.json`.
        folder: str. The folder; the sizes of its files are compared with those
            in the report.
        console: `Console` or None. Where to print; None for standard output.

    Raises:
        BadInputError: If the report is damaged.
    """
    console = console or Console(highlight=False)
    try:
        lines = _lines(report, folder)
    except (
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
        NotRenderableError,
    ):  # fmt: skip
        raise BadInputError(
            f"{Path(folder, 'report.json')} is damaged, or was not written by "
            "kd-keras compress"
        ) from None
    for line in lines:
        console.print(line)


def _lines(report: dict[str, Any], folder: str) -> list[Any]:
    """Returns what is printed, each a text or a table."""
    lines: list[Any] = []
    sizes, error = report["bytes"], report["error"]
    most = sizes["float32_table"]
    before = numbers.format_bytes(most)
    after = numbers.format_bytes(sizes["total"], like=most)
    ratio = numbers.format_ratio(sizes["ratio"])

    # Text, not strings: names and words may contain rich's markup.
    head = Text(Path(report["input"]["path"]).name, "bold")
    head.append(f": {report['N']:,} symbols x {report['d']}", "not bold")
    lines.append(head)
    lines.append(Text(f"{before} -> {after}, {ratio}", "bold green"))
    if against := numbers.size_statement(report):
        lines.append(Text(f"({against})"))
    lines.append("")

    parts = Table.grid(padding=(0, 2))
    parts.add_column()
    parts.add_column(style="dim")
    parts.add_column(justify="right")
    for name, how, count in numbers.size_parts(report):
        parts.add_row(name, how, numbers.format_bytes(count))
    parts.add_row("total", "", numbers.format_bytes(sizes["total"]))
    lines.append(parts)
    lines.append("")

    facts = Table.grid(padding=(0, 2))
    share = numbers.format_share(error["error_share"])
    squared = numbers.format_number(error["error"])
    facts.add_row("error", f"{squared}, {share} of the variance")
    if "weighted_error" in error:
        share = numbers.format_share(error["weighted_error_share"])
        squared = numbers.format_number(error["weighted_error"])
        facts.add_row("weighted error", f"{squared}, {share} of the variance")
    facts.add_row("mean cosine", numbers.format_number(error["mean_cosine"]))
    kept = report["neighbours"]
    sample = numbers.format_sample(kept["symbols"], report["N"])
    facts.add_row(
        "neighbours",
        f"{numbers.format_kept(kept)} kept{', ' * bool(sample)}{sample}",
    )
    facts.add_row("codes", Text(numbers.code_statement(report)))
    if on_device := numbers.litert_statement(report):
        facts.add_row("on LiteRT", on_device)
    lines.append(facts)
    lines.append("")
    return [*lines, _files(report["files"], folder)]


def _files(written: dict[str, int], folder: str) -> Table:
    found = file_sizes(folder)
    files = Table.grid(padding=(0, 2))
    files.add_column()
    files.add_column(justify="right")
    for name in written | found:
        size, was = found.get(name), written.get(name)
        note = "" if size == was or was is None else f"was {was:,} bytes"
        files.add_row(
            Text(str(Path(folder, name))),
            "missing" if size is None else numbers.format_bytes(size),
            Text(note, "yellow"),
        )
    return files
