"""A folder beside the output from which a run that was stopped goes on."""

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

SETTINGS = "settings.json"


class UnfinishedRun:
    """Keeps what a run has found so far, whole files only.

    A run with the same output and the same settings goes on from it; with
    other settings it is refused, so that nothing is lost.

    Args:
        output: The folder that the run is to write. This one is beside it,
            its name with ".partial" at the end.
        settings: Dictionary of JSON values that decide what is found.

    Attributes:
        folder: Path of the folder.

    Raises:
        BadInputError: If there is an unfinished run with other settings, or a
            folder of that name that is none.
    """

    def __init__(self, output: Path, settings: dict[str, Any]):
        self.folder = output.with_name(output.name + ".partial")
        self._settings = settings
        if self.folder.exists():
            self._check(settings)

    def begin(self) -> None:
        """Makes the folder, if it is not there, before the first file."""
        self.folder.mkdir(exist_ok=True)
        if not (self.folder / SETTINGS).exists():
            write_description(self.folder / SETTINGS, self._settings)

    def _check(self, settings: dict[str, Any]) -> None:
        if self.folder.is_dir() and not os.listdir(self.folder):
            return  # stopped before its first file was there
        wanted = (
            f"{self.folder} must be what a run that was stopped has left, or "
            "not be there"
        )
        found = read_description(self.folder / SETTINGS, wanted)
        for name, value in settings.items():
            if found.get(name) != value:
                raise BadInputError(
                    f"{self.folder} is an unfinished run with other settings: "
                    "finish it with those, or remove it to start anew. "
                    f"Received: {name}={_shown(value)}, there "
                    f"{_shown(found.get(name))}"
                )

    def read(self, rows: slice) -> np.ndarray | None:
        """Reads the codes of a block of rows; None where they are not kept."""
        try:
            codes = np.load(self._file(rows), allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            return None
        return codes if len(codes) == rows.stop - rows.start else None

    def write(self, rows: slice, codes: np.ndarray) -> None:
        """Keeps the codes of a block of rows."""
        self.begin()
        path = self._file(rows)
        temporary = path.with_name(f".{os.getpid()}.{path.name}")
        np.save(temporary, codes)
        temporary.replace(path)

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
