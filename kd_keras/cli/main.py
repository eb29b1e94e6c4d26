"""The command line: `kd-keras compress`, `merge`, `report` and others."""

# Import only what `--help` needs; the rest is imported once the command is
# known.
import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kd_keras.cli.options import BAD_INPUT, make_parser, one_line
from kd_keras.utils.interrupts import Interrupts, interrupts

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: sequence of str, or None. The arguments; None for those of the
            process.

    Returns:
        int. The exit code: 0 on success, 2 for bad input, 130 on Ctrl-C, 1 if
        a file cannot be written or an export does not compute what Keras
        computes.
    """
    with interrupts() as interrupted:
        try:
            return _run(argv, interrupted)
        except KeyboardInterrupt:
            return _interrupt()
        except BrokenPipeError:  # `kd-keras report small | head`
            # Otherwise Python would fail again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            # An import may turn Ctrl-C into another error.
            if interrupted.seen:
                return _interrupt()
            if isinstance(error, OSError | MemoryError):
                _say_error(str(error))
                return 1
            from kd_keras.utils.full_disk import is_full_disk

            if is_full_disk(error):  # an error of TensorFlow, say
                _say_error("No space left on device")
                return 1
            raise


def _run(argv: Sequence[str] | None, interrupted: Interrupts) -> int:
    try:
        given = make_parser().parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    from kd_keras.utils.errors import BadInputError, ParityError

    for stream in (sys.stdout, sys.stderr):  # words may not be encodable
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        if given.command == "report":
            return _report(given.path)
        if given.command == "explore":
            return _explore(given)
        if given.command == "ptb":
            from kd_keras.cli.ptb import run_ptb

            return run_ptb(given, interrupted)
        if given.command == "merge":
            return _merge(given, interrupted)
        return _compress(given, interrupted)
    except BadInputError as error:
        _say_error(str(error))
        return BAD_INPUT
    except ParityError as error:
        _say_error(str(error))
        return 1


def _compress(given: argparse.Namespace, interrupted: Interrupts) -> int:
    from kd_keras.cli.model_options import is_model, model_arguments

    if is_model(given):
        from kd_keras.commands.compress_model import compress_model_file

        of_model = model_arguments(given)
        verbose = int(not given.quiet)
        return _write_folder(
            lambda say, show: compress_model_file(of_model, say, verbose),
            of_model.folder,
            given.quiet and not of_model.dry_run,
            interrupted,
        )
    from kd_keras.commands.arguments import make_arguments
    from kd_keras.commands.compress_folder import (
        compress_codebooks,
        compress_folder,
        compress_shard,
    )

    names = (
        "vectors", "K", "D", "composition", "code_dim", "seed", "effort",
        "duplicates", "words", "tensor", "counts", "count_power", "tiers",
        "output", "force", "litert", "codebooks_only", "codebooks", "shard",
    )  # fmt: skip
    named = {name: getattr(given, name) for name in names}
    arguments = make_arguments(
        **{name: value for name, value in named.items() if value is not None}
    )
    work: Callable[..., dict[str, Any] | str] = compress_folder
    if arguments.codebooks_only:
        work = compress_codebooks
    elif arguments.shard is not None:
        work = compress_shard
    verbose = int(not given.quiet)
    return _write_folder(
        lambda say, show: work(arguments, say, show, verbose),
        arguments.folder,
        given.quiet,
        interrupted,
    )


def _merge(given: argparse.Namespace, interrupted: Interrupts) -> int:
    from kd_keras.commands.merge_shards import MergeArguments, merge_shards

    merged = MergeArguments(
        tuple(given.shards),
        given.vectors,
        given.words,
        given.output,
        given.force,
        given.litert,
    )
    return _write_folder(
        lambda say, show: merge_shards(merged, say, show),
        given.output,
        given.quiet,
        interrupted,
    )


def _write_folder(
    work: Callable[..., dict[str, Any] | str],
    folder: str,
    quiet: bool,
    interrupted: Interrupts,
) -> int:
    """Writes a folder, printing one line per step and then its contents."""
    if quiet:
        work(lambda line: interrupted.check(), None)
        return 0
    written = _with_progress(work, interrupted)
    if isinstance(written, str):
        print(written)
    else:
        _print_report(written, folder)
    return 0


def _print_report(report: dict[str, Any], folder: str) -> None:
    if report.get("kind") == "model":
        from kd_keras.cli.model_options import print_model_report

        print_model_report(report)
        return
    from kd_keras.cli.report_tables import print_report

    print_report(report, folder)


def _with_progress(
    work: Callable[..., dict[str, Any] | str], interrupted: Interrupts
) -> dict[str, Any] | str:
    """Prints one line per step, and shows a bar while a file is read."""
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

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
        return work(say, show)


def _report(path: str) -> int:
    from pathlib import Path

    if Path(path).is_file() or (Path(path) / "saved_model.pb").is_file():
        return _report_size(path)
    from kd_keras.folders.report_file import read_any_report

    _print_report(read_any_report(path), path)
    return 0


def _explore(given: argparse.Namespace) -> int:
    from kd_keras.explorer.explore_folder import explore_folder

    print(explore_folder(given.folder, given.symbols))
    return 0


def _report_size(path: str) -> int:
    from kd_keras.cli.size_table import print_size_report
    from kd_keras.commands.early_checks import import_keras
    from kd_keras.utils.quiet_start import quiet_start

    with quiet_start():
        import_keras()
        import kd_keras.language_model.model  # noqa: F401  (registers layers)
        from kd_keras.export.size.size_report import size_report

        report = size_report(path)
    print_size_report(report)
    return 0


def _interrupt() -> int:
    print("kd-keras: interrupted", file=sys.stderr)
    return INTERRUPTED


def _say_error(message: str) -> None:
    print(f"kd-keras: error: {one_line(message)}", file=sys.stderr)
