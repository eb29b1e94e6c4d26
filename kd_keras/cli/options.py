"""The options of the command line and their `--help` texts."""

import argparse
from typing import NoReturn

from kd_keras.cli.model_options import add_model_options
from kd_keras.cli.ptb_options import add_ptb_parser
from kd_keras.codes.sizes import FORMULAS
from kd_keras.export.litert.precisions import PRECISION_NAMES
from kd_keras.version import __version__

BAD_INPUT = 2

DESCRIPTION = """\
Makes embedding tables small. Instead of an N x d table, it stores a K-way
D-dimensional code for each symbol and a composition that turns a code into the
symbol's vector."""

EXAMPLES = """\
examples:
  kd-keras compress glove.6B.50d.txt
  kd-keras compress vectors.npy --K 256 --D 8 --output small
  kd-keras report small
  kd-keras ptb --help
"""

COMPRESS = """\
Learns codes for the vectors in a file and writes a folder: embedding.keras
(the layer, for keras.saving.load_model), codes.npz (the packed codes),
vocabulary.txt (the words, if there are any), neighbours.npz, report.json, and
report.html, a page to read.

VECTORS is GloVe or word2vec text or word2vec binary (plain, or packed as gzip,
bzip2, xz, or zip with one file), a .npy file with an (N, d) array, or a .npz
file with the array "vectors" and, if there are words, "words". Vectors without
words get the words of another file with --words. Text in which each line
consists of numbers only needs --words, --no-words or --number-words.

A .npy file may be larger than memory. For more than 50,000 symbols (or 4K, if
larger), the code embeddings are learned from a random sample of that size (up
to 200,000 if a composition is trained); then the codes of all symbols are
found. If that is interrupted, the same command resumes it. Several processes
can share it: see kd-keras merge --help.

With --budget, MODEL is a Keras model (a .keras file) that is made small as a
whole. The folder then has model.keras, which trains on, model.tflite, whose
bytes are within the budget, report.json and report.html. See docs/compress.md
for what is done."""

COMPRESS_EXAMPLES = """\
examples:
  kd-keras compress glove.6B.50d.txt
      writes glove.6B.50d-K16-D32-linear; 16 bytes for each word's code
  kd-keras compress vectors.npy --K 256 --D 8 --output small --seed 1
  kd-keras compress model.vec.gz --composition lstm --duplicates first
  kd-keras compress vectors.npz --D 20 --composition concat --force
  kd-keras compress model.keras --budget 500KB --data train.npz
      writes model-small
  kd-keras compress model.keras --budget 10% --dry-run
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
    _add_compress_options(compress)
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
        type=_integer,
        default=50_000,
        metavar="N",
        help="put the first N symbols on the page; default %(default)s",
    )
    add_ptb_parser(commands, raw, _integer)
    return parser


def _add_compress_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "vectors",
        metavar="VECTORS|MODEL",
        help="the file of vectors, or a .keras file",
    )
    add(
        "--K",
        type=_integer,
        metavar="N",
        help="number of values per position, 2 to 65536; default 16",
    )
    add(
        "--D",
        type=_integer,
        metavar="N",
        help="number of positions per code; default 32",
    )
    add(
        "--composition",
        choices=tuple(FORMULAS),
        help="how a code is turned into a vector; default linear",
    )
    add(
        "--code-dim",
        type=_integer,
        metavar="N",
        help="size of a code embedding; default: the size of a vector, or "
        "for concat that size divided by D",
    )
    add(
        "--seed",
        type=_integer,
        metavar="N",
        help="seed for all random choices; default 0",
    )
    add(
        "--effort",
        type=float,
        metavar="X",
        help="how long to search, 0 to 1000; default 1, which takes one to "
        "six minutes on one core for 10,000 rows; 0.1 is for drafts",
    )
    add(
        "--output",
        metavar="FOLDER",
        help="the folder to write; default ./NAME-K16-D32-linear, named "
        "after VECTORS, K, D and the composition",
    )
    add(
        "--duplicates",
        choices=("error", "first"),
        default="error",
        help="what to do if a word is repeated; default error; "
        '"first" keeps its first vector',
    )
    _add_words_options(parser)
    add(
        "--counts",
        metavar="FILE",
        help="how often each symbol occurs: a number per line, in the order "
        "of VECTORS (without the rows that --duplicates leaves out), or a "
        "word and a number per line; errors of frequent symbols then count "
        "more",
    )
    add(
        "--count-power",
        type=float,
        metavar="X",
        help="the error of a symbol counts as often as its count to this "
        "power; default 0.5",
    )
    add(
        "--tiers",
        metavar="START:POSITIONS,...",
        help="shorter codes for rare symbols: with --D 32 --tiers "
        "2000:16,10000:0, the 2,000 most frequent symbols (without --counts, "
        "the first) have 32 positions, the next 8,000 have 16, and all others "
        "share one vector",
    )
    add(
        "--codebooks-only",
        action="store_true",
        help="learn only the code embeddings, from a sample of the rows if "
        "there are many, and write a folder with them",
    )
    add(
        "--codebooks",
        metavar="FOLDER",
        help="use the code embeddings in this folder, written with "
        "--codebooks-only; they determine K, D, composition, code-dim, seed "
        "and effort",
    )
    add(
        "--shard",
        metavar="i/n",
        help="find only the codes of shard i of n, i from 1 to n, for "
        "kd-keras merge; needs --codebooks",
    )
    _add_result_options(parser)
    add_model_options(parser)


def _add_words_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_mutually_exclusive_group().add_argument
    add(
        "--words",
        metavar="FILE",
        help="the words of vectors without words: one per line, or a JSON "
        "list of strings",
    )
    add(
        "--no-words",
        dest="words",
        action="store_const",
        const=False,
        help="VECTORS has no words; each line of a text is only numbers, as "
        "numpy.savetxt writes them",
    )
    add(
        "--number-words",
        dest="words",
        action="store_const",
        const=True,
        help="each line of a text begins with a word, even if all words are "
        "numbers",
    )


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
    _add_result_options(parser)


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--force",
        action="store_true",
        help="replace an earlier result once the new one is complete",
    )
    add(
        "--litert",
        nargs="?",
        choices=PRECISION_NAMES,
        const="float32",
        help="also write embedding.tflite, with weights in this precision; "
        "default float32",
    )
    add("--quiet", action="store_true", help="print only errors")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be an integer. Received: {text!r}"
        ) from None


def one_line(message: str) -> str:
    """Joins the lines of a message with spaces."""
    return " ".join(message.splitlines())
