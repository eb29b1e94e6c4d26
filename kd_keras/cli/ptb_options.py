"""The options of `kd-keras ptb` and their `--help` texts."""

import argparse
from collections.abc import Callable
from typing import Any

from kd_keras.cli.ptb_option_groups import (
    codes_options,
    data_options,
    force_options,
    learning_options,
    lstm_rate_options,
    model_options,
    output_layer_options,
    precision_options,
    quiet_options,
    results_options,
    run_folder_options,
    seed_options,
    sizes_options,
    start_options,
    training_options,
)

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
  kd-keras ptb train --embedding learn --K 32 --D 25 --composition concat
codes of the output layer, of its own or those of the embedding:
  kd-keras ptb learn-codes --part output --K 16 --D 32 --count-power 0.5
  kd-keras ptb tune --output-codes \\
      ptb-runs/small-output-codes-linear-K16-D32-count0.5
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
    codes_options(train)
    train.add_argument(
        "--warm-start",
        metavar="FOLDER",
        help="with --embedding learn: start from the codes and the code "
        "embeddings in this folder, written by `ptb learn-codes`",
    )
    sizes_options(train, integer, "16 and 32")
    output_layer_options(train, integer)
    lstm_rate_options(train)
    learning_options(train)
    training_options(train, integer)

    learn = steps.add_parser(
        "learn-codes",
        help="learn codes for a trained model's embedding or output layer",
        description="Learns codes for the embedding table of a conventional "
        "model, or for the table\nof its output layer, and writes the same "
        "folder as `kd-keras compress`.",
        **common,
    )
    start_options(learn)
    learn.add_argument(
        "--part",
        choices=("embedding", "output"),
        default="embedding",
        help="the table to learn codes of; default %(default)s",
    )
    sizes_options(learn, integer, "50 and 10, as in the paper")
    seed_options(learn, integer)
    learn.add_argument(
        "--effort",
        type=float,
        default=1.0,
        metavar="X",
        help="how long to search, as in `compress`; default 1; 0.1 is for "
        "drafts",
    )
    learn.add_argument(
        "--count-power",
        type=float,
        metavar="X",
        help="the error of a word counts as often as it occurs in the "
        "training text to this power; default 0, all alike; 0.5 is good for "
        "output layers",
    )
    data_options(learn)
    learn.add_argument("--output", metavar="FOLDER", help="the folder to write")
    force_options(learn)
    quiet_options(learn)

    retrain = steps.add_parser(
        "retrain",
        help="train a language model from scratch with fixed codes",
        description="The same as `train --embedding fixed`.",
        **common,
    )
    codes_options(retrain)
    sizes_options(retrain, integer, "those of the codes; 50 and 10 if random")
    output_layer_options(retrain, integer)
    lstm_rate_options(retrain)
    training_options(retrain, integer)

    tune = steps.add_parser(
        "tune",
        help="give a trained model codes and train it on",
        description="Puts codes and code embeddings in the place of a trained "
        "model's embedding,\noutput layer or both, and trains all weights on: "
        "Adam, with the probabilities of\nthe trained model as nine tenths of "
        "the targets (distilling).",
        **common,
    )
    start_options(tune)
    tune.add_argument(
        "--codes",
        metavar="FOLDER",
        help="codes of the embedding: a folder written by `ptb learn-codes`, "
        "linear or concat; "
        "default: the embedding stays as it is",
    )
    tune.add_argument(
        "--output-codes",
        metavar="FOLDER",
        help="the same of the output layer, written by `ptb learn-codes --part "
        "output`; default: the output layer stays as it is",
    )
    tune.add_argument(
        "--epochs",
        type=integer,
        metavar="N",
        help="number of epochs; default 3",
    )
    tune.add_argument(
        "--seed",
        type=integer,
        metavar="N",
        help="seed for all random choices; default: that of RUN",
    )
    data_options(tune)
    run_folder_options(tune)

    compress = steps.add_parser(
        "compress",
        help="make a trained model fit a number of bytes",
        description="Decides what forms the embedding and the output layer "
        "get, so that model.tflite,\nwhich holds what `ptb export` writes, has "
        "at most the bytes of --budget; learns\ntheir codes, and trains the "
        "small model towards the text and the trained model.\nWrites a folder "
        "with model.keras, model.tflite, report.json and report.html, and\n"
        "measures the test perplexity of model.tflite.",
        **common,
    )
    start_options(compress)
    compress.add_argument(
        "--budget",
        metavar="SIZE",
        required=True,
        help='the bytes that model.tflite may have: "1.2MB", or "40%%" of '
        "what it has now",
    )
    compress.add_argument(
        "--teacher",
        nargs="+",
        metavar="RUN",
        help="folders written by `ptb train`, `retrain` or `tune`: the small "
        "model learns from the mean of their predictions; default: from those "
        "of the run of --from",
    )
    compress.add_argument(
        "--from-scratch",
        action="store_true",
        help="train new weights over the codes, for all epochs of `ptb "
        "retrain`, instead of going on from the trained ones: better if these "
        "have learned the text by heart; not with --teacher",
    )
    precision_options(compress, "int8")
    seed_options(compress, integer)
    compress.add_argument(
        "--effort",
        type=float,
        default=1.0,
        metavar="X",
        help="how long to search for codes and to train; default 1",
    )
    data_options(compress)
    compress.add_argument(
        "--output",
        metavar="FOLDER",
        help="the folder to write; default: RUN-small",
    )
    force_options(compress)
    quiet_options(compress)

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
    data_options(evaluate)
    quiet_options(evaluate)

    export = steps.add_parser(
        "export",
        help="export a trained model for a device",
        description="Writes the language model of a finished run, with "
        "codes or without, or\nonly its embedding, as a .tflite file or a "
        "SavedModel that also contains the vocabulary,\nand prints what its "
        "bytes are used for. It is written only if it computes what\nKeras "
        "computes.",
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
    # A SavedModel has none, so the default is set later.
    precision_options(export)
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
    quiet_options(export)

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
    model_options(table)
    data_options(table)
    results_options(table)
    quiet_options(table)
