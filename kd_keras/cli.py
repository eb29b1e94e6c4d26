"""The command line: `kd-keras compress`, `report`, `explore` and `ptb`."""

# Only what answers `--help`; the rest is imported once a command is known.
import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kd_keras.cli_options import BAD_INPUT, make_parser, one_line
from kd_keras.interrupts import Interrupts, interrupts

if TYPE_CHECKING:
    from kd_keras.compress_arguments import Arguments

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: The arguments, or None for those of the process.

    Returns:
        The exit code: 0, 2 for bad input, 130 on Ctrl-C, 1 if a file cannot
        be written or an export does not compute what Keras computes.
    """
    with interrupts() as interrupted:
        try:
            return _run(argv, interrupted)
        except KeyboardInterrupt:
            return _interrupt()
        except BrokenPipeError:  # `kd-keras report small | head`
            # Python would complain again when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            # What imports are made of may turn Ctrl-C into another error.
            if interrupted.seen:
                return _interrupt()
            if isinstance(error, OSError | MemoryError):  # a full disk, say
                _say_error(str(error))
                return 1
            raise


def _run(argv: Sequence[str] | None, interrupted: Interrupts) -> int:
    try:
        given = make_parser().parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    from kd_keras.bad_input import BadInputError
    from kd_keras.export.parity import ParityError
    from kd_keras.vectors import VectorFileError

    for stream in (sys.stdout, sys.stderr):  # words may not fit an encoding
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        if given.command == "report":
            return _report(given.path)
        if given.command == "explore":
            return _explore(given)
        if given.command == "ptb":
            from kd_keras.cli_ptb import run_ptb

            return run_ptb(given, interrupted)
        return _compress(given, interrupted)
    except (BadInputError, VectorFileError) as error:
        _say_error(str(error))
        return BAD_INPUT
    except ParityError as error:
        _say_error(str(error))
        return 1


def _compress(given: argparse.Namespace, interrupted: Interrupts) -> int:
    from kd_keras.compress_arguments import Arguments
    from kd_keras.compress_folder import compress_folder
    from kd_keras.report.report_tables import print_report

    names = (
        "vectors", "K", "D", "composition", "code_dim", "seed",
        "duplicates", "output", "force", "litert",
    )  # fmt: skip
    arguments = Arguments(**{name: getattr(given, name) for name in names})
    if given.quiet:
        compress_folder(arguments, lambda line: interrupted.check())
        return 0
    report = _with_progress(arguments, interrupted)
    print_report(report, arguments.folder)
    return 0


def _with_progress(arguments: "Arguments", interrupted: Interrupts) -> dict:
    """Compresses with a line per step, and a bar while a file is read."""
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    from kd_keras.compress_folder import compress_folder

    console = Console(stderr=True, highlight=False)
    with contextlib.ExitStack() as shown:

        def show(done: int, size: int) -> None:
            if console.is_terminal and not bar.live.is_started:
                shown.enter_context(bar)
            bar.update(task, completed=done, total=size)

        def say(line: str) -> None:
            interrupted.check()
            shown.close()  # the bar, before the next one
            console.print(Text(line, "dim"))

        bar = Progress(console=console, transient=True)
        task = bar.add_task("Reading")
        return compress_folder(arguments, say, show, verbose=1)


def _report(path: str) -> int:
    from pathlib import Path

    if Path(path).is_file() or (Path(path) / "saved_model.pb").is_file():
        return _report_size(path)
    from kd_keras.report.report_file import read_report
    from kd_keras.report.report_tables import print_report

    print_report(read_report(path), path)
    return 0


def _explore(given: argparse.Namespace) -> int:
    from kd_keras.explore_folder import explore_folder

    print(explore_folder(given.folder, given.symbols))
    return 0


def _report_size(path: str) -> int:
    from kd_keras.quiet_start import quiet_start
    from kd_keras.report.size_table import print_size_report

    with quiet_start():
        import kd_keras.language_model.model  # noqa: F401  (registers layers)
        from kd_keras.size_report import size_report

        report = size_report(path)
    print_size_report(report)
    return 0


def _interrupt() -> int:
    print("kd-keras: interrupted", file=sys.stderr)
    return INTERRUPTED


def _say_error(message: str) -> None:
    print(f"kd-keras: error: {one_line(message)}", file=sys.stderr)
