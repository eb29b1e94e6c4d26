"""The work of `kd-keras compress MODEL.keras --budget SIZE`."""

import dataclasses
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from kd_keras.commands.early_checks import check_backend, import_keras
from kd_keras.compression.budget import check_budget
from kd_keras.export.litert.precisions import precision_by_name
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.folders.output_folder import new_folder, reserved
from kd_keras.folders.report_file import BYTES, MODEL
from kd_keras.report.model_page import model_page
from kd_keras.search.effort import check_effort
from kd_keras.utils.checks import check_integer_or_none, check_seed
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.experiment_record import circumstances
from kd_keras.utils.progress_bar import Say
from kd_keras.utils.quiet_start import quiet_start
from kd_keras.utils.whole_file import whole_file
from kd_keras.vectors.stored_table import file_sha256

FORMAT = 1
# The arguments that are paths of files.
FILES = ("data", "validation_data", "teacher", "counts")


@dataclasses.dataclass(frozen=True)
class ModelArguments:
    """The arguments of `kd-keras compress` for a model.

    Attributes:
        model: str. The path of a `.keras` file.
        budget: str. See `compress`.
        data, validation_data: str or None. Paths of files, see `read_inputs`.
        teacher: str or None. The path of another `.keras` file, see `compress`.
        counts: str or None. A file with one count per symbol, for the tables
            that have as many symbols.
        custom: tuple of str. `"module:name"` for each class or function of the
            model that Keras does not know.
        precision: str. The precision of `model.tflite`, for which the budget
            is.
        tune: bool. Whether to train the small model on the data.
        seed, effort, sequence_length: As in `compress`.
        output: str or None. The folder to write; None for a name made from the
            model's.
        force: bool. Whether an earlier result is replaced.
        dry_run: bool. Whether only the plan is printed.
    """

    model: str
    budget: str
    data: str | None = None
    validation_data: str | None = None
    teacher: str | None = None
    counts: str | None = None
    custom: tuple[str, ...] = ()
    precision: str = "int8"
    tune: bool = True
    seed: int = 0
    effort: float = 1.0
    output: str | None = None
    force: bool = False
    dry_run: bool = False
    sequence_length: int | None = None

    @property
    def folder(self) -> str:
        """The folder to write: `output`, or one in the working directory."""
        return self.output or f"{Path(self.model).stem}-small"

    @property
    def command(self) -> str:
        """The command line with all options written out, except --force."""
        words = ["kd-keras", "compress", self.model, "--budget", self.budget]
        for name in FILES:
            if (value := getattr(self, name)) is not None:
                words += [f"--{name.replace('_', '-')}", value]
        for custom in self.custom:
            words += ["--custom", custom]
        words += ["--litert", self.precision]
        words += [] if self.tune else ["--no-tune"]
        if self.sequence_length is not None:
            words += ["--sequence-length", str(self.sequence_length)]
        words += ["--seed", str(self.seed), "--effort", repr(self.effort)]
        return shlex.join([*words, "--output", self.folder])


def compress_model_file(
    arguments: ModelArguments, say: Say = lambda line: None, verbose: int = 0
) -> dict[str, Any] | str:
    """Makes the model in a file small, and writes a folder.

    The folder has `model.keras`, `model.tflite`, `report.json` and
    `report.html`. It appears complete or not at all. The same command goes on
    where an interrupted one has stopped, see `KeptSteps`.

    Args:
        arguments: `ModelArguments`.
        say: callable. Called with a line of text at the start of each step.
        verbose: int. As in `compress`.

    Returns:
        dict, the report, as stored in `report.json`. Or, for a dry run, the
        plan as text; nothing is written then.

    Raises:
        BadInputError: If an argument or a file is invalid.
    """
    _check(arguments)
    if arguments.dry_run:
        return _run(arguments, None, say, verbose)
    reads = [getattr(arguments, name) for name in ("model", *FILES)]
    with reserved(arguments.folder, arguments.force, reads) as output:
        return _run(arguments, output, say, verbose)


def _check(arguments: ModelArguments) -> None:
    check_budget(arguments.budget)
    as_bad_input(check_effort, arguments.effort)
    as_bad_input(check_seed, "--seed", arguments.seed)
    length = arguments.sequence_length
    as_bad_input(check_integer_or_none, "--sequence-length", length)
    for name in ("validation_data", "teacher"):
        if getattr(arguments, name) is not None and arguments.data is None:
            raise BadInputError(
                f"--{name.replace('_', '-')} needs --data. Received: no --data"
            )
    if arguments.teacher is not None and not arguments.tune:
        raise BadInputError(
            "--teacher is for the training. Received: --teacher and --no-tune"
        )
    for name in FILES:
        path = getattr(arguments, name)
        if path is not None and not Path(path).is_file():
            raise BadInputError(
                f"--{name.replace('_', '-')} must be a file. Received: {path}"
            )
    check_backend(for_export=True)
    need_litert()


def _run(
    arguments: ModelArguments, output: Path | None, say: Say, verbose: int
) -> dict[str, Any] | str:
    say("Starting Keras")
    with quiet_start():
        import_keras()
        import keras

        from kd_keras.commands.model_files import (
            load_model,
            read_inputs,
            read_model_counts,
        )
        from kd_keras.compression.compress import compress_model
        from kd_keras.compression.file_size import FileContents
        from kd_keras.compression.make_plan import make_plan
        from kd_keras.compression.steps import KeptSteps

        # Dropout, for instance, draws a seed when it is loaded.
        keras.utils.set_random_seed(arguments.seed)
        model = load_model(arguments.model, arguments.custom)
        teacher = None
        if arguments.teacher is not None:
            teacher = load_model(arguments.teacher, arguments.custom)
    began = time.perf_counter()
    options = {
        "budget": arguments.budget,
        "data": read_inputs(arguments.data, model),
        "validation_data": read_inputs(arguments.validation_data, model),
        "quantization": precision_by_name(arguments.precision).quantization,
        "seed": arguments.seed,
        "verbose": verbose,
        "say": say,
        "counts": read_model_counts(arguments.counts),
        "contents": FileContents(sequence_length=arguments.sequence_length),
        "teacher": teacher,
        "needs_file": True,
    }
    if output is None:
        return str(make_plan(model, **options).plan)
    steps = KeptSteps(output, _settings(arguments), say)
    found = compress_model(
        model,
        tune=arguments.tune,
        effort=arguments.effort,
        steps=steps,
        **options,
    )
    asked = {
        "command": arguments.command,
        "arguments": dataclasses.asdict(arguments),
        "folder": arguments.folder,
        "seconds": round(time.perf_counter() - began, 1),
    }
    report = write_small_model(output, arguments.force, found, asked, say)
    steps.remove()
    return report


def _settings(arguments: ModelArguments) -> dict[str, Any]:
    """Returns what decides the results of the steps."""
    given = dataclasses.asdict(arguments)
    for name in ("output", "force", "dry_run"):
        del given[name]
    for name in ("model", *FILES):
        if given[name] is not None:
            given[name] = file_sha256(given[name])
    modules = {name.partition(":")[0] for name in arguments.custom}
    files = (sys.modules[x].__file__ for x in sorted(modules))
    return {
        **given,
        "custom_files": [file_sha256(x) for x in files if x is not None],
        "versions": circumstances()["versions"],
    }


def write_small_model(
    output: Path,
    force: bool,
    found: Any,
    asked: dict[str, Any],
    say: Say,
    model: Any = None,
) -> dict[str, Any]:
    """Writes the folder of a model that was made small.

    Args:
        output: path. The folder, see `reserved`.
        force: bool. Whether an earlier result is replaced.
        found: `Compressed`.
        asked: dict. The items `command`, `arguments`, `folder` and `seconds`
            of the report, and perhaps more.
        say: callable. Called with a line of text at the start of each step.
        model: Keras model to save; None for the one found.

    Returns:
        dict, the report.
    """
    with new_folder(output, force) as folder:
        say("Exporting to LiteRT and checking what the file computes")
        (found.model if model is None else model).save(folder / "model.keras")
        sizes = found.size.export(found.model, folder / "model.tflite")
        report = {
            "format": FORMAT,
            "kind": MODEL,
            **asked,
            **circumstances(),
            "plan": found.plan.to_dict(),
            "text": str(found.plan),
            "parts": sizes.parts,
            "parts_before": found.size.before.parts,
            "bytes": sizes.total,
            "measured": found.measured,
            "losses": found.losses,
        }
        say(f"Writing {asked['folder']}")
        write_reports(folder, report)
    return report


def write_reports(folder: Path, report: dict[str, Any]) -> None:
    """Writes `report.html` and `report.json`; files that exist are replaced."""
    page = model_page(report).encode("utf-8", "replace")
    with whole_file(folder / "report.html") as path:
        path.write_bytes(page)
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    with whole_file(folder / "report.json") as path:
        path.write_bytes(text.encode("utf-8", BYTES))
