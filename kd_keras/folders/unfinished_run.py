"""A folder beside the output, from which an interrupted run resumes."""

import contextlib
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.folders.description_file import (
    read_description,
    write_description,
)
from kd_keras.folders.place_folder import UNFINISHED, is_temporary
from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.whole_file import is_part, remove_parts, whole_file
from kd_keras.vectors.npz_arrays import read_array

SETTINGS = "settings.json"
CODEBOOKS = "codebooks"
CODEBOOK_FILES = ("embedding.keras", "codebooks.json")
_FILES = re.compile(r"settings\.json|codes-\d+\.npy")


def unfinished_folder(output: Path) -> Path:
    """Returns the folder in which an unfinished run keeps its files.

    Args:
        output: path. The folder that the run is to write.

    Returns:
        path. Beside the output; inside if the output exists and nothing can
        be written beside it, as with a mount point.
    """
    if output.is_dir() and not os.access(output.parent, os.W_OK):
        return output / UNFINISHED
    return output.with_name(output.name + ".partial")


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
        self.folder = unfinished_folder(output)
        self._settings = settings
        if self.folder.exists():
            self._check(settings)

    def begin(self) -> None:
        """Creates the folder, if it does not exist, before the first file."""
        self.folder.mkdir(exist_ok=True)
        if not (self.folder / SETTINGS).exists():
            write_description(self.folder / SETTINGS, self._settings)

    def _check(self, settings: dict[str, Any]) -> None:
        if self.folder.is_dir() and all(map(is_part, os.listdir(self.folder))):
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
            codes = read_array(self._file(rows))
        except (OSError, ValueError):
            return None
        shape = (rows.stop - rows.start, self._settings["D"])
        if codes.shape != shape or codes.dtype.kind not in "iu":
            return None
        is_valid = bool(((codes >= 0) & (codes < self._settings["K"])).all())
        return codes if is_valid else None

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
        """Removes the folder, once the output is complete.

        Files that are not of a run stay, and the folder with them.
        """
        with contextlib.suppress(OSError):
            remove_parts(self.folder)
            for path in list(self.folder.iterdir()):
                name = path.name
                if path.is_file() and _FILES.fullmatch(name):
                    if name != SETTINGS:
                        path.unlink()
                elif name == CODEBOOKS or is_temporary(name, CODEBOOKS):
                    _remove_folder(path, CODEBOOK_FILES)
            (self.folder / SETTINGS).unlink(missing_ok=True)  # the last
            self.folder.rmdir()

    def _file(self, rows: slice) -> Path:
        return self.folder / f"codes-{rows.start:012d}.npy"


def _remove_folder(folder: Path, files: Collection[str]) -> None:
    """Removes a folder with these files only, or their temporary files."""
    for path in list(folder.iterdir()):
        if path.name in files or is_part(path.name):
            path.unlink()
    folder.rmdir()


def _shown(value: Any) -> str:
    if isinstance(value, dict):  # a table
        size = f"{short_repr(value.get('N'))} x {short_repr(value.get('d'))}"
        return f"{size}, SHA-256 {str(value.get('sampled_sha256'))[:8]}"
    return short_repr(value)
