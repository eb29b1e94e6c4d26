"""The command `kd-keras ptb learn-codes`."""

import argparse
from pathlib import Path
from typing import Any

from kd_keras.commands.arguments import Arguments
from kd_keras.commands.check_arguments import check_arguments
from kd_keras.commands.compress_folder import compress_folder
from kd_keras.folders.report_file import read_report
from kd_keras.ptb.inputs import check_words, read_text, read_words
from kd_keras.ptb.run_folder import RunFolder
from kd_keras.ptb.settings import PAPER_D, PAPER_K, backend
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.progress_bar import Say
from kd_keras.utils.whole_file import whole_file, write_whole


def learn_codes(given: argparse.Namespace, say: Say) -> dict[str, Any]:
    """Learns codes of a trained model's table and writes their folder.

    The table is the embedding's, or that of the output layer.

    Unless `--force` is given, the report of an earlier call with the same
    options is returned.

    Args:
        given: `argparse.Namespace`. The options of `ptb learn-codes`.
        say: callable. Called with a line of text at the start of each step.

    Returns:
        dict. The report of the folder.

    Raises:
        BadInputError: If an option is invalid, or the run is unfinished or has
            no conventional embedding.
    """
    run = RunFolder(given.run)
    settings = run.read_settings()
    is_output = given.part == "output"
    if not is_output and settings.embedding != "conventional":
        raise BadInputError(
            "--from must be a run with a conventional embedding. Received: "
            f"{given.run}, with {settings.embedding} codes"
        )
    if is_output and settings.output_layer != "dense":
        raise BadInputError(
            "--from must be a run with a dense output layer. Received: "
            f"{given.run}, with --output-layer {settings.output_layer}"
        )
    run.check_finished("--from", given.run)
    K = PAPER_K if given.K is None else given.K
    D = PAPER_D if given.D is None else given.D
    composition = given.composition or "linear"
    name = f"codes-{composition}-K{K}-D{D}"
    if is_output:
        name = f"output-{name}"
        if not run.output.exists():
            _write_output(run)
    power = given.count_power
    if not power and (given.data_dir or given.any_text):
        raise BadInputError(
            "--data-dir and --any-text are for --count-power, which reads the "
            "text. Received: no --count-power"
        )
    if power:
        name += f"-count{power:g}"
    arguments = Arguments(
        vectors=str(run.output if is_output else run.table),
        K=K,
        D=D,
        composition=composition,
        code_dim=given.code_dim,
        seed=given.seed,
        effort=given.effort,
        counts=str(run.counts) if power else None,
        count_power=power or None,
        force=given.force,
        output=given.output
        or str(run.path.parent / f"{settings.model}-{name}"),
    )
    if not given.force and Path(arguments.folder, "report.json").exists():
        report = read_report(arguments.folder, "--output")
        if report["command"] == arguments.command:
            say(f"{arguments.folder} is there already")
            return report
        raise BadInputError(
            "--output must not contain codes learned with other options; "
            "--force replaces them. "
            f"Received: {arguments.folder}, written by: {report['command']}"
        )
    check_arguments(arguments)
    if power:
        _write_counts(run, given)
    return compress_folder(arguments, say, verbose=0 if given.quiet else 1)


def _write_output(run: RunFolder) -> None:
    """Writes the kernel of a run's output layer, a row for each word."""
    import numpy as np

    from kd_keras.language_model.evaluation import load_streaming_model

    kernel = load_streaming_model(run.model).get_layer("output").kernel
    words = np.array(read_words(run.vocabulary))
    with whole_file(run.output, ".npz") as temporary:
        np.savez(temporary, words=words, vectors=np.transpose(kernel.numpy()))


def _write_counts(run: RunFolder, given: argparse.Namespace) -> None:
    """Writes how often each word occurs in the training text."""
    import numpy as np

    corpus = read_text(given, backend())
    check_words(given.run, read_words(run.vocabulary), corpus)
    counts = np.bincount(corpus.train, minlength=len(corpus.vocabulary))
    write_whole(run.counts, "".join(f"{count}\n" for count in counts))
