"""A folder beside the output, which keeps what an interrupted run has done."""

import contextlib
import os
import re
from pathlib import Path
from typing import Any

from kd_keras.folders.description_file import (
    read_description,
    write_description,
)
from kd_keras.folders.place_folder import UNFINISHED
from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.whole_file import is_part, remove_parts

SETTINGS = "settings.json"


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


class UnfinishedFolder:
    """Keeps the files of a run, until its output is complete.

    A run with the same output and the same settings resumes from them. A run
    with other settings here is refused, so that nothing is lost.

    Args:
        output: path. The folder that the run is to write. The folder of the
            unfinished run is beside it; its name has ".partial" appended.
        settings: dict of JSON values that determine what is kept.

    Attributes:
        folder: path. The folder of the unfinished run.

    Raises:
        BadInputError: If there is an unfinished run with other settings, or a
            folder of that name that is not an unfinished run.
    """

    # The names of the files that are kept.
    kept = re.compile(r"(?!)")

    def __init__(self, output: Path, settings: dict[str, Any]) -> None:
        self.folder = unfinished_folder(output)
        self._settings = settings
        if os.path.lexists(self.folder):
            self._check(settings)
            with contextlib.suppress(OSError):
                remove_parts(self.folder)  # of a killed run

    def begin(self) -> None:
        """Creates the folder, if it does not exist, before the first file."""
        self.folder.mkdir(exist_ok=True)
        if not (self.folder / SETTINGS).exists():
            write_description(self.folder / SETTINGS, self._settings)

    def _check(self, settings: dict[str, Any]) -> None:
        if self.folder.is_dir() and all(map(is_part, os.listdir(self.folder))):
            return  # stopped before its first file was written
        wanted = f"{self.folder} must be from an interrupted run, or not exist"
        if not self.folder.exists():
            raise BadInputError(f"{wanted}. Received: a broken link")
        found = read_description(self.folder / SETTINGS, wanted)
        for name, value in settings.items():
            if found.get(name) != value:
                raise BadInputError(
                    f"{self.folder} is an unfinished run with other settings: "
                    "finish it with those, or remove it to start again. "
                    f"Received: {name}={_shown(value)}, but that run has "
                    f"{_shown(found.get(name))}"
                )

    def remove(self) -> None:
        """Removes the folder, once the output is complete.

        Files that are not of a run stay, and the folder with them.
        """
        with contextlib.suppress(OSError):
            remove_parts(self.folder)
            for path in list(self.folder.iterdir()):
                if path.is_file() and self.kept.fullmatch(path.name):
                    path.unlink()
                elif path.name != SETTINGS:
                    self._remove(path)
            (self.folder / SETTINGS).unlink(missing_ok=True)  # the last
            self.folder.rmdir()

    def _remove(self, path: Path) -> None:
        """Removes something else of this run; by default, nothing."""


def _shown(value: Any) -> str:
    if isinstance(value, dict):  # a table
        size = f"{short_repr(value.get('N'))} x {short_repr(value.get('d'))}"
        return f"{size}, SHA-256 {str(value.get('sampled_sha256'))[:8]}"
    return short_repr(value)
