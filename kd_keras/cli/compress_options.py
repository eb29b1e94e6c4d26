"""The options of `kd-keras compress`, and those that `merge` shares."""

import argparse

from kd_keras.cli.integer import integer
from kd_keras.cli.model_options import add_model_options
from kd_keras.codes.sizes import FORMULAS
from kd_keras.export.litert.precisions import PRECISION_NAMES

COMPRESS = """\
Learns codes for the vectors in a file and writes a folder: embedding.keras
(the layer, for keras.saving.load_model), codes.npz (the packed codes),
vocabulary.txt (the words, if there are any), neighbours.npz, report.json, and
report.html, a page to read.

VECTORS is GloVe or word2vec text or word2vec binary (plain, or packed as gzip,
bzip2, xz, or zip with one file), a .npy file with an (N, d) array, a .npz file
with the array "vectors" and, if there are words, "words", or a .safetensors
file, of which --tensor names one. Vectors without words get the words of
another file with --words. Text in which each line consists of numbers only
needs --words, --no-words or --number-words.

A .npy or .safetensors file may be larger than memory. For more than 50,000
symbols (or 4 * K, if that is more), the code embeddings are learned from a
random sample of that size (up to 200,000 if a composition is trained); then
the codes of all symbols are found. If that is interrupted, the same command
resumes it.
Several processes can share it: see kd-keras merge --help.

With --budget, MODEL is a Keras model (a .keras file) that is made small as a
whole. The folder then has model.keras, which can be trained further,
model.tflite, whose bytes are within the budget, report.json and report.html.
See docs/compress.md for what is done."""

COMPRESS_EXAMPLES = """\
examples:
  kd-keras compress glove.6B.50d.txt
      writes glove.6B.50d-K16-D32-linear; 16 bytes for each word's code
  kd-keras compress vectors.npy --K 256 --D 8 --output small --seed 1
  kd-keras compress model.vec.gz --composition lstm --duplicates first
  kd-keras compress model.safetensors --tensor embed_tokens.weight
  kd-keras compress vectors.npz --D 20 --composition concat --force
  kd-keras compress model.keras --budget 500KB --data train.npz
      writes model-small
  kd-keras compress model.keras --budget 10% --dry-run
"""


def add_compress_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `kd-keras compress`."""
    add = parser.add_argument
    add(
        "vectors",
        metavar="VECTORS|MODEL",
        help="the file of vectors, or a .keras file",
    )
    add(
        "--K",
        type=integer,
        metavar="N",
        help="number of values per position, 2 to 65536; default 16",
    )
    add(
        "--D",
        type=integer,
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
        type=integer,
        metavar="N",
        help="size of a code embedding; default: the size of a vector, or "
        "for concat that size divided by D",
    )
    add(
        "--seed",
        type=integer,
        metavar="N",
        help="seed for all random choices; default 0",
    )
    add(
        "--effort",
        type=float,
        metavar="X",
        help="how long to search, 0 to 1000; default 1, which takes one to "
        "five minutes on one core for 10,000 rows; 0.1 is for drafts; of a "
        "model: also how long to train, 1 for at most five epochs",
    )
    add(
        "--output",
        metavar="FOLDER",
        help="the folder to write; default ./NAME-K16-D32-linear, named "
        "after VECTORS, K, D and the composition, or ./NAME-small of a model",
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
        "--tensor",
        metavar="NAME",
        help="the tensor of a .safetensors file; default: the only one of "
        "rank 2",
    )
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
    add_result_options(parser)
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


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options about the folder that a command writes."""
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
        help="of a table: also write embedding.tflite, with weights in this "
        "precision, or float32 if none is named; of a model: the precision of "
        "model.tflite, for which the budget is, int8 without this option",
    )
    add("--quiet", action="store_true", help="print only errors")
