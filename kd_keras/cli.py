"""The command line: `kd-keras compress` and `kd-keras report`."""

# Only what answers `--help`: the rest is imported once a command is known.
import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from kd_keras import __version__

if TYPE_CHECKING:
    from kd_keras.compress_folder import Arguments

BAD_INPUT = 2
INTERRUPTED = 130

DESCRIPTION = """\
Makes embedding tables small: a K-way D-dimensional code for each symbol, and
a composition that turns a code into its vector, instead of an N x d table."""

EXAMPLES = """\
examples:
  kd-keras compress glove.6B.50d.txt
  kd-keras compress vectors.npy --K 256 --D 8 --output small
  kd-keras report small
"""

COMPRESS = """\
Learns codes for the vectors of a file and writes a folder: embedding.keras
(the layer, for keras.saving.load_model), codes.npz (the codes, packed),
vocabulary.txt, neighbours.npz, report.json, and report.html to look at.

VECTORS is GloVe or word2vec text, plain or gzip, word2vec binary, .npy with
an (N, d) array, or .npz with the arrays "vectors" and, if there are words,
"words"."""

COMPRESS_EXAMPLES = """\
examples:
  kd-keras compress glove.6B.50d.txt
      writes glove.6B.50d-K16-D32-linear; 16 bytes for each word's code
  kd-keras compress vectors.npy --K 256 --D 8 --output small --seed 1
  kd-keras compress model.vec.gz --composition lstm --duplicates first
  kd-keras compress vectors.npz --D 20 --composition concat --force
"""

REPORT = """\
Prints again what `kd-keras compress` printed at its end, from the folder's
report.json and its files as they are now."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"kd-keras: error: {_one_line(message)}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: The arguments, or None for those of the process.

    Returns:
        The exit code: 0, 2 for bad input, 130 on Ctrl-C, 1 if a file cannot
        be written.
    """
    with _interrupts() as interrupted:
        try:
            return _run(argv)
        except KeyboardInterrupt:
            return _interrupt()
        except BrokenPipeError:  # `kd-keras report small | head`
            # Python would complain again when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except OSError as error:
            _say_error(str(error))
            return 1
        except Exception:
            # What imports are made of may turn Ctrl-C into another error.
            if interrupted.is_set():
                return _interrupt()
            raise


def _run(argv: Sequence[str] | None) -> int:
    try:
        given = _parser().parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    from kd_keras.bad_input import BadInput
    from kd_keras.vectors import VectorFileError

    for stream in (sys.stdout, sys.stderr):  # words may not fit an encoding
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        if given.command == "report":
            return _report(given.path)
        return _compress(given)
    except (BadInput, VectorFileError) as error:
        _say_error(str(error))
        return BAD_INPUT


def _compress(given: argparse.Namespace) -> int:
    from rich.console import Console

    from kd_keras.compress_folder import Arguments, compress_folder
    from kd_keras.report_tables import print_report

    names = (
        "vectors", "K", "D", "composition", "code_dim", "seed",
        "duplicates", "output", "force",
    )  # fmt: skip
    arguments = Arguments(**{name: getattr(given, name) for name in names})
    if given.quiet:
        compress_folder(arguments)
        return 0
    console = Console(stderr=True, highlight=False)
    report = _with_progress(arguments, console)
    print_report(report, arguments.folder)
    return 0


def _with_progress(arguments: "Arguments", console) -> dict:
    """Compresses with a line per step, and a bar while a file is read."""
    from rich.progress import Progress
    from rich.text import Text

    from kd_keras.compress_folder import compress_folder

    bar = Progress(console=console, transient=True)
    task = bar.add_task("", start=False, visible=False)

    def show(done: int, size: int) -> None:
        if not console.is_terminal:
            return
        bar.start()
        bar.update(task, completed=done, total=size, visible=True)

    def say(line: str) -> None:
        bar.stop()  # before another bar, and before TensorFlow starts
        console.print(Text(line, "dim"))

    try:
        return compress_folder(arguments, say, show, verbose=1)
    finally:
        bar.stop()


def _report(path: str) -> int:
    from kd_keras.report_file import read_report
    from kd_keras.report_tables import print_report

    print_report(read_report(path), path)
    return 0


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="kd-keras",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=raw,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"kd-keras {__version__}"
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True
    )
    compress = commands.add_parser(
        "compress",
        help="learn codes for a file of vectors and write a folder",
        description=COMPRESS,
        epilog=COMPRESS_EXAMPLES,
        formatter_class=raw,
        allow_abbrev=False,
    )
    _add_compress_options(compress)
    report = commands.add_parser(
        "report",
        help="print what is in a folder that compress wrote",
        description=REPORT,
        epilog="example:\n  kd-keras report glove.6B.50d-K16-D32-linear\n",
        formatter_class=raw,
        allow_abbrev=False,
    )
    report.add_argument("path", metavar="PATH", help="the folder")
    return parser


def _add_compress_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("vectors", metavar="VECTORS", help="the file of vectors")
    add(
        "--K",
        type=_integer,
        default=16,
        metavar="N",
        help="values of a code position (codebook size), 2 to 65536; "
        "default 16",
    )
    add(
        "--D",
        type=_integer,
        default=32,
        metavar="N",
        help="positions of a code (number of codebooks); default 32",
    )
    add(
        "--composition",
        choices=("linear", "lstm", "concat"),
        default="linear",
        help="what makes a vector of a code; default linear",
    )
    add(
        "--code-dim",
        type=_integer,
        metavar="N",
        help="size of a code embedding; default: the size of a vector, or "
        "with concat a D-th of it",
    )
    add(
        "--seed",
        type=_integer,
        default=0,
        metavar="N",
        help="decides everything that is drawn at random; default 0",
    )
    add(
        "--output",
        metavar="FOLDER",
        help="the folder to write; default ./NAME-K16-D32-linear, after "
        "VECTORS, K, D and the composition",
    )
    add(
        "--duplicates",
        choices=("error", "first"),
        default="error",
        help="what to do with a word that comes again; default error, "
        '"first" keeps its first vector',
    )
    add(
        "--force",
        action="store_true",
        help="replace an earlier result, once the new one is complete",
    )
    add("--quiet", action="store_true", help="print nothing but errors")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be an integer. Received: {text!r}"
        ) from None


@contextlib.contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Notes a Ctrl-C, which raises KeyboardInterrupt as ever."""
    seen = threading.Event()

    def handle(number, frame):
        seen.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt() -> int:
    print("kd-keras: interrupted", file=sys.stderr)
    return INTERRUPTED


def _say_error(message: str) -> None:
    print(f"kd-keras: error: {_one_line(message)}", file=sys.stderr)


def _one_line(message: str) -> str:
    return " ".join(message.splitlines())
