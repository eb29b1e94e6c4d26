"""Turns the options of `ptb train`, `retrain` and `tune` into settings."""

import argparse
import dataclasses
from typing import Any, NamedTuple

from kd_keras.folders.report_file import read_report
from kd_keras.language_model.configurations import usual_lstm_rate
from kd_keras.language_model.strategies import get_strategy, replicas_of
from kd_keras.ptb.run_settings import RunSettings
from kd_keras.utils.errors import BadInputError

PAPER_K, PAPER_D = 50, 10

# The options of each embedding and their defaults.
CODED = {"K": None, "D": None, "composition": "linear", "code_dim": None}
CODED |= {"lstm_rate": None}
LEARNING = {
    "codes_learning_rate": 0.01,
    "temperature": 1.0,
    "temperature_decay": 0.001,
    "least_temperature": 0.1,
}
OUTPUT_OPTIONS = (
    "output_codes", "output_K", "output_D", "output_composition",
    "output_code_dim",
)  # fmt: skip
TUNED_COMPOSITIONS = ("linear", "concat")
OPTIONS: dict[str, dict[str, Any]] = {
    "conventional": {},
    "fixed": {"codes": "random"} | CODED,
    "learn": {"warm_start": None} | CODED | LEARNING,
}


class CodeFolders(NamedTuple):
    """The folders with the codes that a run is given.

    Attributes:
        embedding: str or None. The folder of the embedding's codes.
        output: str or None. The folder of the output layer's codes.
    """

    embedding: str | None
    output: str | None


def read_settings(
    given: argparse.Namespace,
) -> tuple[RunSettings, CodeFolders]:
    """Reads the options of `ptb train` or `ptb retrain`.

    Args:
        given: `argparse.Namespace`. The options.

    Returns:
        `(settings, folders)`: `RunSettings` and `CodeFolders`.

    Raises:
        BadInputError: If options cannot be combined, or codes are missing.
    """
    embedding = getattr(given, "embedding", "fixed")
    chosen = _chosen(given, embedding)
    options: dict[str, Any] = {
        name: getattr(given, name)
        for name in (
            "model", "seed", "precision", "strategy", "epochs",
        )
    }  # fmt: skip
    options |= {"embedding": embedding, "backend": backend()}
    strategy = get_strategy(given.strategy, given.replicas)
    options["replicas"] = replicas_of(strategy)
    output_options, output = _read_output(given, embedding)
    options |= output_options
    if embedding == "conventional":
        return RunSettings(**options), CodeFolders(None, output)
    option = "--codes" if "codes" in chosen else "--warm-start"
    source = chosen.get("codes", chosen.get("warm_start"))
    source = None if source == "random" else source
    report = read_report(source, option) if source else None
    usual = {"fixed": (PAPER_K, PAPER_D), "learn": (16, 32)}[embedding]
    options |= _read_sizes(given, "", usual, report, source)
    for name in ("composition", "code_dim", "lstm_rate"):
        options[name] = chosen[name]
    if chosen["composition"] == "lstm":
        options["lstm_rate"] = chosen["lstm_rate"] or usual_lstm_rate(
            options["D"]
        )
    elif chosen["lstm_rate"]:
        raise BadInputError(
            "--lstm-rate is for --composition lstm. Received: --composition "
            + chosen["composition"]
        )
    if embedding == "learn":
        options |= {"code_learning": "task", "warm_start": bool(source)}
        options |= {name: chosen[name] for name in LEARNING}
        if source:
            _check_warm_start(chosen, report)
    else:
        options["code_learning"] = report["composition"] if report else "random"
        options["count_power"] = _count_power(report)
    return RunSettings(**options), CodeFolders(source, output)


def check_float32(settings: RunSettings, received: str) -> None:
    """Checks the precision of the run that a command begins with.

    Args:
        settings: `RunSettings` of that run.
        received: str. Its folder as it was given, for the error.

    Raises:
        BadInputError: If the run has another precision than float32.
    """
    if settings.precision != "float32":
        raise BadInputError(
            "--from must be a run in float32. Received: "
            f"{received}, with --precision {settings.precision}"
        )


def read_tuned_settings(
    given: argparse.Namespace, start: RunSettings
) -> tuple[RunSettings, CodeFolders]:
    """Reads the options of `ptb tune`.

    Args:
        given: `argparse.Namespace`. The options.
        start: `RunSettings` of the run to go on from.

    Returns:
        `(settings, folders)`: `RunSettings` and `CodeFolders`.

    Raises:
        BadInputError: If options cannot be combined, or codes are missing.
    """
    if backend() != "tensorflow":
        raise BadInputError(
            "`ptb tune` runs on TensorFlow. Received: "
            f"KERAS_BACKEND={backend()}"
        )
    folders = CodeFolders(given.codes, given.output_codes)
    if folders == (None, None):
        raise BadInputError(
            "`ptb tune` needs --codes, --output-codes or both. Received: "
            "neither"
        )
    if start.output_layer == "tied":
        raise BadInputError(
            "--from must be a run whose output layer is not tied. Received: "
            f"{given.run}, with --output-layer tied"
        )
    check_float32(start, given.run)
    options: dict[str, Any] = {"lstm_rate": None}
    if start.embedding == "learn":
        options["embedding"] = "fixed"
        options |= dict.fromkeys(LEARNING)
    hidden = start.configuration.hidden
    if given.codes:
        sizes = _sizes_of_codes("--codes", given.codes, "", hidden)
        options |= {"embedding": "fixed", "warm_start": False, **sizes}
    if given.output_codes:
        sizes = _sizes_of_codes(
            "--output-codes", given.output_codes, "output_", hidden
        )
        options |= {"output_layer": "codes", **sizes}
    options |= {
        "tuned": True, "epochs": given.epochs, "strategy": "default",
        "replicas": 1, "backend": backend(),
    }  # fmt: skip
    if given.seed is not None:
        options["seed"] = given.seed
    return dataclasses.replace(start, **options), folders


def _sizes_of_codes(
    option: str, folder: str, prefix: str, hidden: int
) -> dict[str, Any]:
    """Returns the settings of codes that are taken as they were learned."""
    report = read_report(folder, option)
    name, width = report["composition"], report["code_dim"]
    if name not in TUNED_COMPOSITIONS:
        raise BadInputError(
            f"{option} must be codes of the linear or concat composition. "
            f"Received: {folder}, with {name}"
        )
    if report["d"] != hidden:
        raise BadInputError(
            f"{option} must be codes of vectors of size {hidden}, as in the "
            f"model. Received: {folder}, with size {report['d']}"
        )
    usual = hidden // report["D"] if name == "concat" else hidden
    sizes = {
        "code_learning": name,
        "composition": name,
        "K": report["K"],
        "D": report["D"],
        "code_dim": None if width == usual else width,
        "count_power": _count_power(report),
    }
    return {prefix + name: value for name, value in sizes.items()}


def _count_power(report: Any) -> float | None:
    """Returns the power of the counts that codes were learned with."""
    return report["arguments"].get("count_power") if report else None


def _read_output(
    given: argparse.Namespace, embedding: str
) -> tuple[dict[str, Any], str | None]:
    """Reads the options of the output layer.

    Returns:
        `(options, folder)`: settings, and the folder of the codes or None.
    """
    kind = given.output_layer or ("codes" if given.output_codes else "dense")
    if kind == "tied" and embedding == "conventional":
        raise BadInputError(
            "--output-layer tied needs an embedding with codes: pass "
            "--embedding fixed or learn. Received: --embedding conventional"
        )
    if kind != "codes":
        for name in OUTPUT_OPTIONS:
            if getattr(given, name) is not None:
                raise BadInputError(
                    f"{_option(name)} is for --output-layer codes. Received: "
                    f"--output-layer {kind}"
                )
        return {"output_layer": kind}, None
    source = given.output_codes
    source = None if source == "random" else source
    report = read_report(source, "--output-codes") if source else None
    learned = report["composition"] if report else None
    return {
        "output_layer": kind,
        "output_code_learning": learned or "random",
        "output_count_power": _count_power(report),
        "output_composition": given.output_composition or learned or "linear",
        "output_code_dim": given.output_code_dim,
        **_read_sizes(given, "output_", (16, 32), report, source),
    }, source


def _read_sizes(
    given: argparse.Namespace,
    prefix: str,
    usual: tuple[int, int],
    report: Any,
    source: str | None,
) -> dict[str, int]:
    """Returns K and D, those of a folder if codes are from one."""
    sizes = {}
    for name, default in zip("KD", usual, strict=True):
        asked = getattr(given, prefix + name)
        if report:
            default = report[name]
            if asked not in (None, default):
                option = _option(prefix + name)
                raise BadInputError(
                    f"{option} must be {default}, as for the codes in "
                    f"{source}. Received: {option} {asked}"
                )
        sizes[prefix + name] = default if asked is None else asked
    return sizes


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _chosen(given: argparse.Namespace, embedding: str) -> dict[str, Any]:
    """Returns the options of an embedding and refuses those of others."""
    chosen = {}
    for name in OPTIONS["fixed"] | OPTIONS["learn"]:
        value = getattr(given, name, None)
        option = _option(name)
        if name in OPTIONS[embedding]:
            usual = OPTIONS[embedding][name]
            chosen[name] = usual if value is None else value
        elif value is not None:
            kinds = [kind for kind in OPTIONS if name in OPTIONS[kind]]
            raise BadInputError(
                f"{option} is for --embedding {' or '.join(kinds)}. "
                f"Received: --embedding {embedding}"
            )
        if name in {"lstm_rate"} | LEARNING.keys() and not (
            value is None or 0 < value < float("inf")
        ):
            raise BadInputError(
                f"{option} must be positive. Received: {option} {value}"
            )
    return chosen


def _check_warm_start(chosen: dict[str, Any], report: Any) -> None:
    """Refuses a warm start from code embeddings of another composition."""
    mine = (chosen["composition"], chosen["code_dim"] or report["code_dim"])
    there = (report["composition"], report["code_dim"])
    if mine != there:
        raise BadInputError(
            "With --warm-start, the composition must be that of its folder, "
            f"{there[0]} with code_dim {there[1]}. Received: "
            f"--composition {mine[0]} with code_dim {mine[1]}"
        )


def backend() -> str:
    """Returns the name of Keras' backend."""
    import keras

    return keras.backend.backend()
