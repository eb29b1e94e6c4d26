"""The options of `kd-keras ptb` and their `--help` texts."""

import argparse
from collections.abc import Callable
from typing import Any

from kd_keras.codes.sizes import FORMULAS
from kd_keras.export.litert.precisions import PRECISION_NAMES

DESCRIPTION = """\
The paper's main experiment: an LSTM language model on the Penn Treebank, with
a conventional embedding and with KD codes."""

EXAMPLES = """\
examples, in the order of the paper:
  kd-keras ptb train
  kd-keras ptb learn-codes --from ptb-runs/small-conventional-seed0
  kd-keras ptb retrain --codes ptb-runs/small-codes-linear-K50-D10
  kd-keras ptb evaluate ptb-runs/small-linear-linear-K50-D10-seed0
  kd-keras ptb table
on the device:
  kd-keras ptb export ptb-runs/small-linear-linear-K50-D10-seed0
codes learned with the task:
  kd-keras ptb train --embedding learn --K 32 --D 32
codes of the output layer, of its own or those of the embedding:
  kd-keras ptb learn-codes --part output --K 16 --D 32
  kd-keras ptb train --output-codes ptb-runs/small-output-codes-linear-K16-D32
  kd-keras ptb retrain --K 16 --D 32 --output-layer tied

If a command is interrupted, the same command resumes where it stopped; a
command that has finished is not run again. KERAS_BACKEND=jax runs them on JAX.
"""

Add = Callable[..., argparse.Action]


def add_ptb_parser(
    commands: "argparse._SubParsersAction[Any]",
    formatter: type[argparse.HelpFormatter],
    integer: Callable[[str], int],
) -> None:
    """Adds `ptb` and its commands.

    Args:
        commands: The subparsers of `kd-keras`.
        formatter: The formatter class for the help texts.
        integer: callable. Parses an integer.
    """
    common: dict[str, Any] = {
        "formatter_class": formatter,
        "allow_abbrev": False,
    }
    ptb = commands.add_parser(
        "ptb",
        help="the paper's language model on the Penn Treebank",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        **common,
    )
    steps = ptb.add_subparsers(dest="step", metavar="COMMAND", required=True)

    train = steps.add_parser(
        "train",
        help="train a language model",
        description="Trains a language model and writes a folder: model.keras "
        "(from the epoch\nwith the best validation result), vocabulary.txt, "
        "log.csv, tensorboard/ and\nrow.json.",
        **common,
    )
    train.add_argument(
        "--embedding",
        choices=("conventional", "fixed", "learn"),
        default="conventional",
        help="an N x d table, fixed codes (see --codes), or codes learned "
        "with the task; default conventional",
    )
    _codes(train)
    train.add_argument(
        "--warm-start",
        metavar="FOLDER",
        help="with --embedding learn: start from the codes and the code "
        "embeddings in this folder, written by `ptb learn-codes`",
    )
    _sizes(train, integer, "16 and 32")
    _output_layer(train, integer)
    _lstm_rate(train)
    _learning(train)
    _training(train, integer)

    learn = steps.add_parser(
        "learn-codes",
        help="learn codes for a trained model's embedding or output layer",
        description="Learns codes for the embedding table of a conventional "
        "model, or for the table\nof its output layer, and writes the same "
        "folder as `kd-keras compress`.",
        **common,
    )
    learn.add_argument(
        "--from",
        dest="run",
        metavar="RUN",
        default="ptb-runs/small-conventional-seed0",
        help="a folder written by `ptb train`; default %(default)s",
    )
    learn.add_argument(
        "--part",
        choices=("embedding", "output"),
        default="embedding",
        help="the table to learn codes of; default %(default)s",
    )
    _sizes(learn, integer, "50 and 10, as in the paper")
    _seed(learn, integer)
    learn.add_argument(
        "--effort",
        type=float,
        default=1.0,
        metavar="X",
        help="how long to search, as in `compress`; default 1; 0.1 is for "
        "drafts",
    )
    learn.add_argument("--output", metavar="FOLDER", help="the folder to write")
    _quiet(learn)

    retrain = steps.add_parser(
        "retrain",
        help="train a language model from scratch with fixed codes",
        description="The same as `train --embedding fixed`.",
        **common,
    )
    _codes(retrain)
    _sizes(retrain, integer, "those of the codes; 50 and 10 if random")
    _output_layer(retrain, integer)
    _lstm_rate(retrain)
    _training(retrain, integer)

    evaluate = steps.add_parser(
        "evaluate",
        help="measure the perplexity of a trained model",
        description="Reads a text token by token, as the TensorFlow tutorial "
        "does, and prints the\nperplexity.",
        **common,
    )
    evaluate.add_argument(
        "run",
        metavar="RUN",
        help="a folder written by `train`, or a .tflite file written by "
        "`export`",
    )
    evaluate.add_argument(
        "--split",
        choices=("valid", "test"),
        default="test",
        help="the text to read; default %(default)s",
    )
    _data(evaluate)
    _quiet(evaluate)

    export = steps.add_parser(
        "export",
        help="export a trained model for a device",
        description="Writes the language model of a finished run with KD "
        "codes, or only its\nembedding, as a .tflite file or a SavedModel that "
        "also contains the vocabulary,\nand prints what its bytes are used "
        "for. It is written only if it computes what\nKeras computes.",
        **common,
    )
    export.add_argument(
        "run", metavar="RUN", help="a folder written by `train`"
    )
    export.add_argument(
        "--part",
        choices=("model", "embedding"),
        default="model",
        help="what to write; default %(default)s",
    )
    export.add_argument(
        "--format",
        choices=("litert", "saved-model"),
        default="litert",
        help="format of the export; default %(default)s, a .tflite file",
    )
    export.add_argument(
        "--precision",
        choices=PRECISION_NAMES,
        help="precision of the weights in a .tflite file (codes are packed "
        "in any case); default int8",
    )
    export.add_argument(
        "--sequence-length",
        type=integer,
        metavar="N",
        help="tokens per call of the model's whole-sequence function; "
        "default 20",
    )
    export.add_argument(
        "--output",
        metavar="PATH",
        help="the file or folder to write; default "
        "./ptb-RUN-PART-PRECISION.tflite or ./ptb-RUN-PART",
    )
    _quiet(export)

    table = steps.add_parser(
        "table",
        help="print the paper's Table 1, training what is missing",
        description="Prints Table 1 from the results. Missing rows are trained "
        "first, one after\nanother, which takes hours.",
        **common,
    )
    table.add_argument(
        "--no-train",
        action="store_true",
        help="print only the existing rows; train nothing",
    )
    table.add_argument(
        "--runs",
        metavar="FOLDER",
        default="ptb-runs",
        help="the folder with the training runs; default %(default)s",
    )
    _model(table)
    _data(table)
    _results(table)
    _quiet(table)


def _codes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--codes",
        metavar="FOLDER",
        help="a folder written by `ptb learn-codes` or `compress`, or "
        '"random"; default random',
    )


def _sizes(
    parser: argparse.ArgumentParser, integer: Callable[[str], int], default: str
) -> None:
    add = parser.add_argument
    add(
        "--K",
        type=integer,
        metavar="N",
        help=f"number of values per position; default for K and D: {default}",
    )
    add("--D", type=integer, metavar="N", help="number of positions per code")
    add(
        "--composition",
        choices=tuple(FORMULAS),
        help="how a code is turned into a vector; default linear",
    )
    add(
        "--code-dim",
        type=integer,
        metavar="N",
        help="size of a code embedding; default: the size of a vector",
    )


def _output_layer(
    parser: argparse.ArgumentParser, integer: Callable[[str], int]
) -> None:
    group = parser.add_argument_group("output layer")
    add = group.add_argument
    add(
        "--output-layer",
        choices=("dense", "codes", "tied"),
        help="an N x d kernel, fixed codes of its own, or the codes and code "
        "embeddings of the embedding; default dense, or codes with "
        "--output-codes",
    )
    add(
        "--output-codes",
        metavar="FOLDER",
        help="its codes: a folder written by `ptb learn-codes --part output` "
        'or `compress`, or "random"; default random',
    )
    add(
        "--output-K",
        type=integer,
        metavar="N",
        help="as --K, of its codes; default for K and D: those of the codes; "
        "16 and 32 if random",
    )
    add("--output-D", type=integer, metavar="N", help="as --D, of its codes")
    add(
        "--output-composition",
        choices=tuple(FORMULAS),
        help="as --composition; default that of the codes, or linear",
    )
    add(
        "--output-code-dim",
        type=integer,
        metavar="N",
        help="as --code-dim, of its code embeddings",
    )


def _lstm_rate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lstm-rate",
        type=float,
        metavar="X",
        help="learning rate of the matrices and biases of an LSTM "
        "composition, as a fraction of the model's; default 1 / D^2",
    )


def _learning(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("codes learned with the task")
    add = group.add_argument
    add(
        "--codes-learning-rate",
        type=float,
        metavar="X",
        help="learning rate of the lazy Adam optimizer that trains the "
        "logits; default 0.01",
    )
    add(
        "--temperature",
        type=float,
        metavar="T",
        help="temperature at the first step; default 1",
    )
    add(
        "--temperature-decay",
        type=float,
        metavar="X",
        help="the temperature falls as T / (1 + X * step); default 0.001",
    )
    add(
        "--least-temperature",
        type=float,
        metavar="T",
        help="lowest temperature; default 0.1",
    )


def _training(
    parser: argparse.ArgumentParser, integer: Callable[[str], int]
) -> None:
    add = parser.add_argument
    _model(parser)
    add(
        "--epochs",
        type=integer,
        metavar="N",
        help="number of epochs; default: that of the model's schedule",
    )
    _seed(parser, integer)
    add(
        "--precision",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="precision of the training; default float32",
    )
    add(
        "--strategy",
        choices=("default", "mirrored", "multi-worker", "tpu"),
        default="default",
        help="the devices that share a batch: several on this machine "
        "(mirrored), several processes or machines listed in TF_CONFIG "
        "(multi-worker; run the command on each), or a TPU; default: one "
        "device",
    )
    add(
        "--replicas",
        type=integer,
        metavar="N",
        help="with mirrored: number of devices; without a GPU, the CPU is "
        "split into N devices; default: all GPUs, or 1",
    )
    _data(parser)
    add(
        "--output",
        metavar="FOLDER",
        help="the folder to write; default: in ptb-runs/, named after the "
        "options",
    )
    _results(parser)
    _quiet(parser)


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        choices=("small", "medium", "large", "tiny"),
        default="small",
        help="size of the model; tiny is for trying out the commands; "
        "default small",
    )


def _seed(
    parser: argparse.ArgumentParser, integer: Callable[[str], int]
) -> None:
    parser.add_argument(
        "--seed",
        type=integer,
        default=0,
        metavar="N",
        help="seed for all random choices; default 0",
    )


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        metavar="FOLDER",
        help="folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt; "
        "without this option they are downloaded once",
    )
    parser.add_argument(
        "--any-text",
        action="store_true",
        help="accept a different corpus in files with these names",
    )


def _results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        metavar="FILE",
        help="the file of result rows; default results/ptb_MODEL.json",
    )


def _quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quiet", action="store_true", help="print only errors"
    )
