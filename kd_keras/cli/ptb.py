"""`kd-keras ptb`: calls the commands and prints their results."""

import argparse
import os
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from kd_keras.cli.options import make_parser
from kd_keras.commands.early_checks import check_backend, import_keras
from kd_keras.utils.interrupts import Interrupts
from kd_keras.utils.quiet_start import quiet_start


def run_ptb(given: argparse.Namespace, interrupted: Interrupts) -> int:
    """Runs a command of `kd-keras ptb`.

    Args:
        given: `argparse.Namespace`. The parsed options.
        interrupted: `Interrupts`. Checked between steps.

    Returns:
        int. The exit code, 0.

    Raises:
        BadInputError: If an option or a file is invalid.
    """
    check_backend(for_export=given.step in ("export", "compress"))
    with quiet_start():
        import_keras()
        from kd_keras.language_model.strategies import (
            LostWorkerError,
            get_strategy,
            worker_index,
        )

        if given.step in ("train", "retrain"):
            # Before TensorFlow does anything else.
            get_strategy(given.strategy, given.replicas)
            given.quiet = given.quiet or worker_index() > 0
    from kd_keras.ptb import commands

    out, notes = Console(highlight=False), Console(stderr=True, highlight=False)

    def say(line: str) -> None:
        interrupted.check()
        if not given.quiet:
            notes.print(Text(line, "dim"))

    if given.step in ("train", "retrain", "tune"):
        try:
            work = commands.tune if given.step == "tune" else commands.train
            row = work(given, say)
        except LostWorkerError as error:
            # At exit TensorFlow would wait for the lost worker, perhaps
            # forever.
            print(f"kd-keras: error: {error}", file=sys.stderr, flush=True)
            os._exit(2)
        if not given.quiet:
            _print_rows(out, [row], row["model"])
    elif given.step == "learn-codes":
        report = commands.learn_codes(given, say)
        if not given.quiet:
            from kd_keras.cli.report_tables import print_report

            print_report(report, _folder_of(report))
    elif given.step == "compress":
        from kd_keras.cli.model_options import print_model_report
        from kd_keras.ptb.compress import compress

        report = compress(given, say)
        if not given.quiet:
            print_model_report(report)
    elif given.step == "evaluate":
        perplexity, recorded = commands.evaluate(given, say)
        line = f"{given.split} perplexity {perplexity:.3f}"
        if recorded is not None:
            line += f" (recorded: {recorded:.3f})"
        out.print(line)
    elif given.step == "export":
        from kd_keras.cli.size_table import print_size_report
        from kd_keras.ptb.export import export

        with quiet_start():
            size = export(given, say)
        if not given.quiet:
            print_size_report(size, out)
    else:
        rows = commands.table(given, say, make_parser().parse_args)
        _print_rows(out, rows, given.model)
    return 0


def _print_rows(out: Console, rows: list[dict[str, Any]], model: str) -> None:
    from kd_keras.datasets.ptb.corpus import PENN_TREEBANK
    from kd_keras.ptb.paper_table import paper_table

    is_own = rows[0]["text"] != PENN_TREEBANK
    name = "own text" if is_own else "Penn Treebank"
    title = f"{name}, {model} model: perplexity"
    if not out.is_terminal:  # a file can be as wide as the table
        out = Console(highlight=False, width=170)
    out.print(paper_table(rows, title))


def _folder_of(report: dict[str, Any]) -> str:
    words = report["command"].split()
    return words[words.index("--output") + 1]
