"""The options of the command line, and what `--help` says of them."""

import argparse
from typing import NoReturn

from kd_keras.cli.ptb_options import add_ptb_parser
from kd_keras.version import __version__

BAD_INPUT = 2

DESCRIPTION = """\
Makes embedding tables small: a K-way D-dimensional code for each symbol, and
a composition that turns a code into its vector, instead of an N x d table."""

EXAMPLES = """\
examples:
  kd-keras compress glove.6B.50d.txt
  kd-keras compress vectors.npy --K 256 --D 8 --output small
  kd-keras report small
  kd-keras ptb --help
"""

COMPRESS = """\
Learns codes for the vectors of a file and writes a folder: embedding.keras
(the layer, for keras.saving.load_model), codes.npz (the codes, packed),
vocabulary.txt, neighbours.npz, report.json, and report.html to look at.

VECTORS is GloVe or word2vec text, plain or gzip, word2vec binary, .npy with
an (N, d) array, or .npz with the arrays "vectors" and, if there are words,
"words".

A .npy file may be larger than memory. Above 50,000 symbols, or 4 K, the code
embeddings are learned from so many, drawn at random (up to 200,000 if a
composition is trained), and then the codes of all are found; if that is
stopped, the same command goes on. Several processes can share it, see
kd-keras merge --help."""

COMPRESS_EXAMPLES = """\
examples:
  kd-keras compress glove.6B.50d.txt
      writes glove.6B.50d-K16-D32-linear; 16 bytes for each word's code
  kd-keras compress vectors.npy --K 256 --D 8 --output small --seed 1
  kd-keras compress model.vec.gz --composition lstm --duplicates first
  kd-keras compress vectors.npz --D 20 --composition concat --force
"""

MERGE = """\
Puts the codes of a table's shards together, which several processes or
machines have found with the same code embeddings, and writes the folder that
one kd-keras compress would have written."""

MERGE_EXAMPLE = """\
example, of a table that is encoded by two processes, each its shard:
  kd-keras compress big.npy --codebooks-only --output B
  kd-keras compress big.npy --codebooks B --shard 1/2 --output S1
  kd-keras compress big.npy --codebooks B --shard 2/2 --output S2
  kd-keras merge S1 S2 --output small
"""

REPORT = """\
Of a folder that `kd-keras compress` wrote: prints again what it printed at
its end. Of a .tflite or .keras file or a SavedModel: tells what every byte is
for: codes, code embeddings, composition, other weights, vocabulary, graph."""

EXPLORE = """\
Writes FOLDER/explorer.html, a page that works offline: search a symbol, see its
code, the symbols that share it or part of it, the nearest codes, its neighbours
before and after, and how the values of each position are used."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"kd-keras: error: {one_line(message)}\n")


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
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
    merge = commands.add_parser(
        "merge",
        help="put the shards of a table together",
        description=MERGE,
        epilog=MERGE_EXAMPLE,
        formatter_class=raw,
        allow_abbrev=False,
    )
    _add_merge_options(merge)
    report = commands.add_parser(
        "report",
        help="print what is in a folder, a .tflite, a .keras, a SavedModel",
        description=REPORT,
        epilog="examples:\n  kd-keras report glove.6B.50d-K16-D32-linear\n"
        "  kd-keras report saved_models/ptb_small_codes.tflite\n",
        formatter_class=raw,
        allow_abbrev=False,
    )
    report.add_argument("path", metavar="PATH", help="the folder or file")
    explore = commands.add_parser(
        "explore",
        help="write a page on which one can look at a folder's codes",
        description=EXPLORE,
        epilog="example:\n  kd-keras explore glove.6B.50d-K16-D32-linear\n",
        formatter_class=raw,
        allow_abbrev=False,
    )
    explore.add_argument(
        "folder", metavar="FOLDER", help="a folder of kd-keras compress"
    )
    explore.add_argument(
        "--symbols",
        type=_integer,
        default=50_000,
        metavar="N",
        help="the first so many are on the page; default %(default)s",
    )
    add_ptb_parser(commands, raw, _integer)
    return parser


def _add_compress_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("vectors", metavar="VECTORS", help="the file of vectors")
    add(
        "--K",
        type=_integer,
        metavar="N",
        help="values of a code position (codebook size), 2 to 65536; "
        "default 16",
    )
    add(
        "--D",
        type=_integer,
        metavar="N",
        help="positions of a code (number of codebooks); default 32",
    )
    add(
        "--composition",
        choices=("linear", "lstm", "concat", "residual"),
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
        metavar="N",
        help="decides everything that is drawn at random; default 0",
    )
    add(
        "--effort",
        type=float,
        metavar="X",
        help="how long to search, 0 to 1000; default 1: one to six minutes "
        "of one core for 10,000 rows; 0.1 is a draft",
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
        "--codebooks-only",
        action="store_true",
        help="learn the code embeddings, from a sample of the rows if there "
        "are many, and write a folder with them alone",
    )
    add(
        "--codebooks",
        metavar="FOLDER",
        help="use the code embeddings that --codebooks-only has put there; "
        "K, D, composition, code-dim, seed and effort are theirs",
    )
    add(
        "--shard",
        metavar="i/n",
        help="find the codes of shard i of n only, i from 1 to n, for "
        "kd-keras merge; needs --codebooks",
    )
    _add_result_options(parser)


def _add_merge_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "shards",
        nargs="+",
        metavar="SHARD",
        help="the folders of all shards of a table, in any order",
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
        help="the table, where it is no more what the shards were given",
    )
    _add_result_options(parser)


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--force",
        action="store_true",
        help="replace an earlier result, once the new one is complete",
    )
    add(
        "--litert",
        nargs="?",
        choices=("float32", "float16", "int8"),
        const="float32",
        help="write embedding.tflite too, its weights in this precision; "
        "default float32",
    )
    add("--quiet", action="store_true", help="print nothing but errors")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be an integer. Received: {text!r}"
        ) from None


def one_line(message: str) -> str:
    """Joins the lines of a message by spaces."""
    return " ".join(message.splitlines())
