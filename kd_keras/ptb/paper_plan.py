"""The training runs for the paper's Table 1 and beyond it."""

import dataclasses
import os
from typing import Any

from kd_keras.datasets.ptb.corpus import PENN_TREEBANK
from kd_keras.language_model.configurations import usual_lstm_rate
from kd_keras.ptb.results_file import KEY
from kd_keras.ptb.run_settings import RunSettings

# Settings for codes learned with the task. Such codes are meant to be small.
TASK: dict[str, Any] = {
    "embedding": "learn",
    "code_learning": "task",
    "codes_learning_rate": 0.01,
    "temperature": 1.0,
    "temperature_decay": 0.001,
    "least_temperature": 0.1,
}


def planned_runs(model: str, backend: str = "tensorflow") -> list[RunSettings]:
    """Lists the training runs of a configuration, the most important first.

    Table 1 of the paper has codes that are random or learned with a linear or
    LSTM composition, re-learned with either composition, with K = 50 and
    D = 10. Beyond it there are more and finer codes, the `concat` composition
    and codes learned with the task.

    Args:
        model: str. Name of the configuration.
        backend: str. Keras' backend.

    Returns:
        list of `RunSettings`.
    """
    conventional = RunSettings(model=model, backend=backend)

    def fixed(
        learning: str, composition: str, K: int = 50, D: int = 10
    ) -> RunSettings:
        return dataclasses.replace(
            conventional,
            embedding="fixed",
            code_learning=learning,
            composition=composition,
            K=K,
            D=D,
            lstm_rate=usual_lstm_rate(D) if composition == "lstm" else None,
        )

    def task(
        composition: str, K: int, D: int, warm: bool = False
    ) -> RunSettings:
        fixed_codes = fixed("task", composition, K, D)
        return dataclasses.replace(fixed_codes, warm_start=warm, **TASK)

    slices = _divisor(conventional.configuration.hidden)
    return [
        conventional,
        fixed("linear", "linear"),
        fixed("linear", "linear", 32, 32),
        task("concat", 32, slices),
        fixed("random", "linear"),
        fixed("lstm", "linear"),
        fixed("linear", "lstm"),
        fixed("lstm", "lstm"),
        fixed("random", "lstm"),
        task("concat", 32, slices, warm=True),
        fixed("concat", "concat", 16, slices),
        *(dataclasses.replace(conventional, seed=seed) for seed in (1, 2)),
    ]


def _divisor(hidden: int) -> int:
    """Returns the D nearest to 32 that divides the size of a vector."""
    divisors = [D for D in range(1, hidden + 1) if hidden % D == 0]
    return min(divisors, key=lambda D: (abs(D - 32), D))


def key_of(settings: RunSettings, text: str = PENN_TREEBANK) -> tuple[Any, ...]:
    """Returns the key of the row that a training run will write.

    Args:
        settings: `RunSettings`.
        text: str. The digest of the text.

    Returns:
        tuple. The values of `results_file.KEY`.
    """
    fields = dataclasses.asdict(settings) | {
        "relearning": settings.composition or "none",
        "epochs": settings.configuration.epochs,
        "text": text,
    }
    return tuple(fields[name] for name in KEY)


def commands_of(settings: RunSettings, runs: str) -> list[list[str]]:
    """Returns the command lines that lead to the row of a training run.

    Args:
        settings: `RunSettings` of a planned run.
        runs: str. The folder of all runs.

    Returns:
        list of lists of str. The arguments of `kd-keras ptb` for each command.
    """
    model = ["--model", settings.model]
    conventional = RunSettings(model=settings.model, backend=settings.backend)
    table = os.path.join(runs, conventional.name)
    output = ["--output", os.path.join(runs, settings.name)]
    seed = ["--seed", str(settings.seed)]
    if settings.embedding == "conventional":
        return [["train", *model, *seed, *output]]
    sizes = ["--K", str(settings.K), "--D", str(settings.D)]
    composition = ["--composition", str(settings.composition)]
    before: list[list[str]] = []
    codes = "random"
    if settings.code_learning != "random" and (
        settings.code_learning != "task" or settings.warm_start
    ):
        learning = settings.code_learning
        if learning == "task":
            learning = str(settings.composition)
        codes = os.path.join(
            runs,
            f"{settings.model}-codes-{learning}-K{settings.K}-D{settings.D}",
        )
        before = [
            ["train", *model, "--output", table],
            ["learn-codes", "--from", table, *sizes]
            + ["--composition", learning, "--output", codes],
        ]
    if settings.embedding == "fixed":
        last = ["retrain", "--codes", codes, *model, *sizes, *composition]
        return [*before, [*last, *seed, *output]]
    last = ["train", "--embedding", "learn", *model, *sizes, *composition]
    if settings.warm_start:
        last += ["--warm-start", codes]
    return [*before, [*last, *seed, *output]]
