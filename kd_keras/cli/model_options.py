"""The options of `kd-keras compress` for a model, and its command."""

import argparse
from typing import Any

from kd_keras.cli.integer import integer
from kd_keras.utils.errors import BadInputError

# Options of a table that mean something for a model too.
_SHARED = {"seed", "effort", "output", "force", "litert", "quiet", "counts"}
_OF_MODEL = {
    "budget", "data", "validation_data", "teacher", "custom", "tune",
    "dry_run", "sequence_length",
}  # fmt: skip


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that are for a model only."""
    add = parser.add_argument_group("for a model").add_argument
    add(
        "--budget",
        metavar="SIZE",
        help='the bytes that model.tflite may have: "500KB", "2MB", or "10%%" '
        "of what it has now",
    )
    add(
        "--data",
        metavar="FILE",
        help="what the model was trained on: a .npy file of ids; a .npz file "
        "with x, or an array for each input by its name, and perhaps y; or, "
        "for a model that takes text, a text with one example per line",
    )
    add(
        "--validation-data",
        metavar="FILE",
        help="data of the same kind to choose by; default: a tenth of the rows "
        "of --data, which is then not trained on",
    )
    add(
        "--teacher",
        metavar="MODEL",
        help="a better model with the same inputs and outputs, from which the "
        "small one learns; default: the model itself",
    )
    add(
        "--custom",
        action="append",
        metavar="MODULE:NAME",
        help="a class or function of the model that Keras does not know; may "
        "be repeated",
    )
    add(
        "--no-tune",
        dest="tune",
        action="store_const",
        const=False,
        help="do not train the small model",
    )
    add(
        "--sequence-length",
        type=integer,
        metavar="N",
        help="length of the sequences that model.tflite reads, where those of "
        "the model have none; default: any, or 32 if LiteRT needs a length",
    )
    add(
        "--dry-run",
        action="store_const",
        const=True,
        help="print the plan, and write nothing",
    )


def is_model(given: argparse.Namespace) -> bool:
    """Tells whether `kd-keras compress` gets a model; checks the options.

    Args:
        given: The options as parsed.

    Raises:
        BadInputError: If options for a model and for a table are mixed.
    """
    path = given.vectors
    named = [name for name in _OF_MODEL if getattr(given, name) is not None]
    if given.budget is None:
        if named:
            option = _option(sorted(named)[0])
            raise BadInputError(
                f"{option} is for a model, which needs --budget. Received: "
                f"{option}, no --budget"
            )
        if path.endswith(".keras"):
            raise BadInputError(
                "A Keras model needs --budget, the bytes that its file may "
                'have, such as --budget 2MB or --budget "10%". Received: '
                f"{path}, no --budget"
            )
        return False
    defaults = {"duplicates": "error", "codebooks_only": False}
    others = {"vectors", "command"} | _SHARED | _OF_MODEL
    for name, value in sorted(vars(given).items()):
        if name not in others and value != defaults.get(name):
            raise BadInputError(
                f"{_option(name)} is for a table of vectors; with --budget a "
                f"model is compressed. Received: {_option(name)} and --budget"
            )
    return True


def model_arguments(given: argparse.Namespace) -> Any:
    """Returns the `ModelArguments` that were given."""
    from kd_keras.commands.compress_model import ModelArguments

    named: dict[str, Any] = {
        name: value
        for name in (*_OF_MODEL, "seed", "effort", "output", "counts")
        if (value := getattr(given, name)) is not None
    }
    named["custom"] = tuple(named.get("custom", ()))
    if given.litert is not None:
        named["precision"] = given.litert
    return ModelArguments(given.vectors, force=given.force, **named)


def print_model_report(report: dict[str, Any]) -> None:
    """Prints the report of a model that was made small.

    Args:
        report: dict. Contents of `report.json`.
    """
    from kd_keras.report.model_page import metric_lines

    print(report["text"])
    for line in metric_lines(report["measured"]):
        print(line)
    if "test_perplexity" in report:  # of a language model
        print(f"test perplexity of the file: {report['test_perplexity']:.3f}")
    print(
        f"{report['folder']}: model.keras to open in Keras, model.tflite "
        f"({report['bytes']:,} bytes) to ship, report.html to read"
    )


def _option(name: str) -> str:
    names = {"tune": "--no-tune"}
    return names.get(name, f"--{name.replace('_', '-')}")
