"""The folder of a training run: settings, checkpoints, curves, the model."""

import contextlib
import csv
import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.ptb.json_file import read_json, write_json
from kd_keras.ptb.run_settings import EMBEDDINGS, OUTPUT_LAYERS, RunSettings
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.folder_lock import folder_lock
from kd_keras.utils.whole_file import remove_parts, write_whole

# What `settings.json` says besides settings: the digests of what a run reads,
# the text and the files of options.
CODES, OUTPUT_CODES, START = "--codes", "--output-codes", "--from"
DIGESTS = ("text", CODES, OUTPUT_CODES, START)


class RunFolder:
    """The files of one training run.

    - `settings.json`: the `RunSettings`;
    - `log.csv`: one line per epoch;
    - `tensorboard/`: the same as curves, and the projector;
    - `backup/`, `best.weights.h5`: needed to resume; removed at the end
      (see `KeptWeights`);
    - `model.keras`: the model of the best epoch, with batch size 1;
    - `vocabulary.txt`: its words; the line number of a word is its id;
    - `table.npz`: words and vectors of a conventional embedding, for
      `kd-keras ptb learn-codes`;
    - `output.npz`: the same of an output layer, which `kd-keras ptb
      learn-codes --part output` writes;
    - `counts.txt`: how often each word occurs in the training text, which
      `kd-keras ptb learn-codes --count-power` writes;
    - `row.json`: the results; the run is finished once this file exists.

    Args:
        path: path. The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.settings = self.path / "settings.json"
        self.log = self.path / "log.csv"
        self.tensorboard = self.path / "tensorboard"
        self.backup = self.path / "backup"
        self.best_weights = self.path / "best.weights.h5"
        self.model = self.path / "model.keras"
        self.vocabulary = self.path / "vocabulary.txt"
        self.table = self.path / "table.npz"
        self.output = self.path / "output.npz"
        self.counts = self.path / "counts.txt"
        self.row = self.path / "row.json"

    def has(self, path: str | os.PathLike[str]) -> bool:
        """Tells whether a path is that of a file, or folder, of the run.

        Args:
            path: path.

        Returns:
            bool.
        """
        files = (x for x in vars(self).values() if x != self.path)
        return os.path.realpath(path) in map(os.path.realpath, files)

    @contextlib.contextmanager
    def reserved(self) -> Iterator[None]:
        """Keeps the folder for this process while the body runs.

        What a killed run has left half written is removed.

        Raises:
            BadInputError: If another process is training this run, or the
                folder cannot be created.
        """
        path = Path(os.path.realpath(self.path))
        with contextlib.ExitStack() as lock:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                lock.enter_context(folder_lock(path))
            except OSError as error:
                raise BadInputError(
                    f"{self.path} cannot be written: {error.strerror}"
                ) from None
            for folder in (path, self.backup, self.tensorboard / "train"):
                remove_parts(folder)
            yield

    def begin(
        self,
        settings: RunSettings,
        text: str | None = None,
        inputs: dict[str, str] | None = None,
    ) -> None:
        """Creates the folder, or resumes the run that it contains.

        Args:
            settings: `RunSettings`.
            text: str or None. Digest of the corpus.
            inputs: dict or None. Digests of other files that the run reads,
                by the option that names them.

        Raises:
            BadInputError: If it contains another run or something else.
        """
        mine = dataclasses.asdict(settings) | {"text": text} | (inputs or {})
        if self.settings.is_file():
            there = self._read_settings()
            # Runs of earlier versions had one kind of output layer and none
            # that were tuned.
            earlier = {
                field.name: field.default
                for field in dataclasses.fields(RunSettings)
                if field.name.startswith("output_")
                or field.name in ("tuned", "count_power")
            }
            there = mine | earlier | there
            other = [k for k in mine if there[k] != mine[k]]
            if other:
                raise BadInputError(
                    f"{self.path} contains another run, which differs in "
                    f"{', '.join(other)}. Expected: a new folder, or the same "
                    "options to resume that run"
                )
            return
        if self.path.exists() and (
            not self.path.is_dir() or os.listdir(self.path)
        ):
            raise BadInputError(
                f"{self.path} already exists and contains no run. Expected: "
                "the folder of a run, an empty folder or a new name"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.settings, mine)
        except OSError as error:
            raise BadInputError(
                f"{self.path} cannot be written: {error.strerror}"
            ) from None

    def check_finished(self, option: str, received: str) -> dict[str, Any]:
        """Checks that the run has ended.

        Args:
            option: str. The option that named the folder, for the error.
            received: str. What the user gave.

        Returns:
            dict. Its row.

        Raises:
            BadInputError: If the folder has no run, or an unfinished one.
        """
        self.read_settings()
        row = self.read_row()
        if row is None:
            raise BadInputError(
                f"{option} must be a finished run. Received: {received}, which "
                "is unfinished; the same `kd-keras ptb train` command resumes "
                "it"
            )
        return row

    def read_settings(self) -> RunSettings:
        """Reads the settings.

        Returns:
            `RunSettings`.

        Raises:
            BadInputError: If the folder does not contain a run.
        """
        if not self.settings.is_file():
            raise BadInputError(
                f"{self.path} is not the folder of a run. Expected: a folder "
                "written by `kd-keras ptb train`"
            )
        there = self._read_settings()
        for name in DIGESTS:
            there.pop(name, None)
        return RunSettings(**there)

    def _read_settings(self) -> dict[str, Any]:
        there = read_json(self.settings)
        names = {field.name for field in dataclasses.fields(RunSettings)}
        if (
            not isinstance(there, dict)
            or not there.keys() <= names | {*DIGESTS}
            or not all(_is_valid(*item) for item in there.items())
        ):
            raise BadInputError(
                f"{self.settings} is not a file of settings written by "
                "`kd-keras ptb train`"
            )
        return there

    def read_log(self) -> list[dict[str, float]]:
        """Reads the log of each finished epoch, in order.

        Returns:
            list of dict. Empty if there is no log.

        Raises:
            BadInputError: If the log is damaged.
        """
        if not self.log.is_file():
            return []
        try:
            lines = [
                {name: float(value) for name, value in line.items()}
                for line in csv.DictReader(self._log_lines())
            ]
            # Earlier versions kept the line of an epoch that was run again.
            epochs = {int(line["epoch"]): line for line in lines}
        except (OSError, ValueError, TypeError, KeyError, csv.Error):
            raise BadInputError(
                f"{self.log} is damaged. Expected: one line per epoch, as "
                "written by `kd-keras ptb train`"
            ) from None
        return [epochs[i] for i in sorted(epochs)]

    def _log_lines(self) -> list[str]:
        """Returns the lines of the log that were written to their ends."""
        with self.log.open(encoding="utf-8", newline="") as file:
            return [line for line in file if line.endswith("\n")]

    def cut_log(self, epochs: int) -> None:
        """Removes the lines of epochs that are run again.

        Args:
            epochs: int. The number of epochs that are not.
        """
        if not self.log.is_file():
            return
        header, *lines = self._log_lines() or [""]
        kept = {int(x.split(",")[0]): x for x in lines if x.strip()}
        lines = [line for i, line in sorted(kept.items()) if i < epochs]
        write_whole(self.log, "".join([header, *lines] if lines else []))

    def read_row(self) -> dict[str, Any] | None:
        """Reads the row of the run.

        Returns:
            dict, or None if the run is unfinished.

        Raises:
            BadInputError: If the file is not the row of a run.
        """
        if not self.row.is_file():
            return None
        row = read_json(self.row)
        if not isinstance(row, dict) or not isinstance(
            row.get("test_perplexity"), int | float
        ):
            raise BadInputError(f"{self.row} is not the row of a run")
        return row

    def finish(self, row: dict[str, Any]) -> None:
        """Writes the row and removes the files that only a resume needs.

        Args:
            row: dict of JSON values.
        """
        write_json(self.row, row)
        self.clean()

    def clean(self) -> None:
        """Removes the files that only a resume needs."""
        shutil.rmtree(self.backup, ignore_errors=True)
        self.best_weights.unlink(missing_ok=True)


def _is_valid(name: str, value: Any) -> bool:
    """Returns whether a field of `RunSettings`, or the text, may be this."""
    if name == "model":
        return isinstance(value, str) and value in CONFIGURATIONS
    if name == "embedding":
        return value in EMBEDDINGS
    if name == "output_layer":
        return value in OUTPUT_LAYERS
    kind = get_type_hints(RunSettings).get(name, str | None)
    if type(value) is int:  # JSON has floats such as 1, and True is an int
        return isinstance(1, kind) or isinstance(1.0, kind)
    return isinstance(value, kind) and (type(value) is not bool or kind is bool)
