"""A folder beside the output, from which an interrupted run resumes."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.folders.description_file import (
    read_description,
    write_description,
)
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.whole_file import whole_file

SETTINGS = "settings.json"


class UnfinishedRun:
    """Keeps the codes that a run has found so far, in complete files.

    A run with the same output and the same settings resumes from them. A run
    with other settings is refused, so that nothing is lost.

    Args:
        output: path. The folder that the run is to write. The folder of the
            unfinished run is beside it; its name has ".partial" appended.
        settings: dict of JSON values that determine the codes.

    Attributes:
        folder: path. The folder of the unfinished run.

    Raises:
        BadInputError: If there is an unfinished run with other settings, or a
            folder of that name that is not an unfinished run.
    """

    def __init__(self, output: Path, settings: dict[str, Any]) -> None:
        self.folder = output.with_name(output.name + ".partial")
        self._settings = settings
        if self.folder.exists():
            self._check(settings)

    def begin(self) -> None:
        """Creates the folder, if it does not exist, before the first file."""
        self.folder.mkdir(exist_ok=True)
        if not (self.folder / SETTINGS).exists():
            write_description(self.folder / SETTINGS, self._settings)

    def _check(self, settings: dict[str, Any]) -> None:
        if self.folder.is_dir() and not os.listdir(self.folder):
            return  # stopped before its first file was written
        wanted = f"{self.folder} must be from an interrupted run, or not exist"
        found = read_description(self.folder / SETTINGS, wanted)
        for name, value in settings.items():
            if found.get(name) != value:
                raise BadInputError(
                    f"{self.folder} is an unfinished run with other settings: "
                    "finish it with those, or remove it to start again. "
                    f"Received: {name}={_shown(value)}, but that run has "
                    f"{_shown(found.get(name))}"
                )

    def read(self, rows: slice) -> np.ndarray | None:
        """Reads the codes of a block of rows.

        Args:
            rows: slice. The block.

        Returns:
            array of int, or None if the codes of this block are not kept.
        """
        try:
            codes = np.load(self._file(rows), allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            return None
        return codes if len(codes) == rows.stop - rows.start else None

    def write(self, rows: slice, codes: np.ndarray) -> None:
        """Keeps the codes of a block of rows.

        Args:
            rows: slice. The block.
            codes: array of int.
        """
        self.begin()
        with whole_file(self._file(rows)) as path, path.open("wb") as file:
            np.save(file, codes)

    def count(self) -> int:
        """Counts the blocks that are kept."""
        return len(list(self.folder.glob("codes-*.npy")))

    def remove(self) -> None:
        """Removes the folder, once the output is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, rows: slice) -> Path:
        return self.folder / f"codes-{rows.start:012d}.npy"


def _shown(value: Any) -> str:
    if isinstance(value, dict):  # a table
        size = f"{value.get('N')} x {value.get('d')}"
        return f"{size}, SHA-256 {str(value.get('sampled_sha256'))[:8]}"
    return repr(value)
