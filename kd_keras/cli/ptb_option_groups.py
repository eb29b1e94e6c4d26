"""Groups of options that commands of `kd-keras ptb` share."""

import argparse
from collections.abc import Callable

from kd_keras.codes.sizes import FORMULAS
from kd_keras.export.litert.precisions import PRECISION_NAMES


def codes_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the codes of an embedding."""
    parser.add_argument(
        "--codes",
        metavar="FOLDER",
        help="a folder written by `ptb learn-codes` or `compress`, or "
        '"random"; default random',
    )


def sizes_options(
    parser: argparse.ArgumentParser, integer: Callable[[str], int], default: str
) -> None:
    """Adds the options of the sizes of codes and their composition."""
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


def output_layer_options(
    parser: argparse.ArgumentParser, integer: Callable[[str], int]
) -> None:
    """Adds the options of the output layer."""
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


def lstm_rate_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the learning rate of an LSTM composition."""
    parser.add_argument(
        "--lstm-rate",
        type=float,
        metavar="X",
        help="learning rate of the matrices and biases of an LSTM "
        "composition, as a fraction of the model's; default 1 / D^2",
    )


def learning_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of codes that are learned with the task."""
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


def training_options(
    parser: argparse.ArgumentParser, integer: Callable[[str], int]
) -> None:
    """Adds the options of a training run."""
    add = parser.add_argument
    model_options(parser)
    add(
        "--epochs",
        type=integer,
        metavar="N",
        help="number of epochs; default: that of the model's schedule",
    )
    seed_options(parser, integer)
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
    data_options(parser)
    run_folder_options(parser)


def run_folder_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of what a training run writes."""
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        help="the folder to write; default: in ptb-runs/, named after the "
        "options",
    )
    results_options(parser)
    quiet_options(parser)


def start_options(parser: argparse.ArgumentParser) -> None:
    """Adds the option of the run that a command begins with."""
    parser.add_argument(
        "--from",
        dest="run",
        metavar="RUN",
        default="ptb-runs/small-conventional-seed0",
        help="a folder written by `ptb train`; default %(default)s",
    )


def model_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the size of the model."""
    parser.add_argument(
        "--model",
        choices=("small", "medium", "large", "tiny"),
        default="small",
        help="size of the model; tiny is for trying out the commands; "
        "default small",
    )


def precision_options(
    parser: argparse.ArgumentParser, default: str | None = None
) -> None:
    """Adds the option of the precision of a `.tflite` file."""
    parser.add_argument(
        "--precision",
        choices=PRECISION_NAMES,
        default=default,
        help="precision of the weights in a .tflite file (codes are packed "
        "in any case); default int8",
    )


def seed_options(
    parser: argparse.ArgumentParser, integer: Callable[[str], int]
) -> None:
    """Adds the options of the seed."""
    parser.add_argument(
        "--seed",
        type=integer,
        default=0,
        metavar="N",
        help="seed for all random choices; default 0",
    )


def data_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the text."""
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


def results_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the file of results."""
    parser.add_argument(
        "--results",
        metavar="FILE",
        help="the file of result rows; default results/ptb_MODEL.json",
    )


def force_options(parser: argparse.ArgumentParser) -> None:
    """Adds the option to replace an earlier result."""
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace an earlier result in that folder",
    )


def quiet_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of silence."""
    parser.add_argument(
        "--quiet", action="store_true", help="print only errors"
    )
