"""The options of the command line and their `--help` texts."""

import argparse
from typing import NoReturn

from kd_keras.cli.compress_options import (
    COMPRESS,
    COMPRESS_EXAMPLES,
    add_compress_options,
    add_result_options,
)
from kd_keras.cli.integer import integer
from kd_keras.cli.ptb_options import add_ptb_parser
from kd_keras.version import __version__

BAD_INPUT = 2

DESCRIPTION = """\
Makes embedding tables, and Keras models that have them, small. Instead of an
N x d table, it stores a K-way D-dimensional code for each symbol and a
composition that turns a code into the symbol's vector."""

EXAMPLES = """\
examples:
  kd-keras compress glove.6B.50d.txt
  kd-keras compress vectors.npy --K 256 --D 8 --output small
  kd-keras compress model.keras --budget 2MB --data train.npz
  kd-keras report small
  kd-keras ptb --help
"""

MERGE = """\
Merges the codes of a table's shards, which several processes or machines have
found with the same code embeddings, and writes the folder that a single
kd-keras compress would have written."""

MERGE_EXAMPLE = """\
example, a table encoded by two processes, one shard each:
  kd-keras compress big.npy --codebooks-only --output B
  kd-keras compress big.npy --codebooks B --shard 1/2 --output S1
  kd-keras compress big.npy --codebooks B --shard 2/2 --output S2
  kd-keras merge S1 S2 --output small
"""

REPORT = """\
For a folder written by `kd-keras compress`: prints again what that command
printed at its end. For a .tflite file, a .keras file or a SavedModel: prints
what every byte is used for: codes, code embeddings, composition, other weights,
vocabulary, graph."""

EXPLORE = """\
Writes FOLDER/explorer.html, a page that works offline. Search for a symbol to
see its code, the symbols that share all or part of that code, the nearest
codes, its neighbours before and after compression, and how the values of each
position are used."""


class _Parser(argparse.ArgumentParser):
    """A parser that prints an error in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"kd-keras: error: {one_line(message)}\n")


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser for all commands."""
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
        help="make a file of vectors, or a Keras model, small",
        description=COMPRESS,
        epilog=COMPRESS_EXAMPLES,
        formatter_class=raw,
        allow_abbrev=False,
    )
    add_compress_options(compress)
    merge = commands.add_parser(
        "merge",
        help="merge the shards of a table",
        description=MERGE,
        epilog=MERGE_EXAMPLE,
        formatter_class=raw,
        allow_abbrev=False,
    )
    _add_merge_options(merge)
    report = commands.add_parser(
        "report",
        help="print what a folder, .tflite, .keras file or SavedModel contains",
        description=REPORT,
        epilog="examples:\n  kd-keras report glove.6B.50d-K16-D32-linear\n"
        "  kd-keras report saved_models/ptb_small_codes.tflite\n",
        formatter_class=raw,
        allow_abbrev=False,
    )
    report.add_argument("path", metavar="PATH", help="the folder or file")
    explore = commands.add_parser(
        "explore",
        help="write a page for exploring a folder's codes",
        description=EXPLORE,
        epilog="example:\n  kd-keras explore glove.6B.50d-K16-D32-linear\n",
        formatter_class=raw,
        allow_abbrev=False,
    )
    explore.add_argument(
        "folder",
        metavar="FOLDER",
        help="a folder written by kd-keras compress",
    )
    explore.add_argument(
        "--symbols",
        type=integer,
        default=50_000,
        metavar="N",
        help="put the first N symbols on the page; default %(default)s",
    )
    add_ptb_parser(commands, raw, integer)
    return parser


def _add_merge_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "shards",
        nargs="+",
        metavar="SHARD",
        help="the folders of all shards of one table, in any order",
    )
    add(
        "--output",
        required=True,
        metavar="FOLDER",
        help="the folder to write",
    )
    add(
        "--vectors",
        metavar="VECTORS",
        help="the table, if it is no longer at the path used for the shards",
    )
    add(
        "--words",
        metavar="FILE",
        help="the file of words, if it is no longer at the path used for the "
        "shards",
    )
    add_result_options(parser)


def one_line(message: str) -> str:
    """Joins the lines of a message with spaces."""
    return " ".join(message.splitlines())
