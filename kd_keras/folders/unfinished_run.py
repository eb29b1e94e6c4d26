"""The codes that an interrupted run has found, from which it resumes."""

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np

from kd_keras.folders.place_folder import is_temporary
from kd_keras.folders.unfinished_folder import UnfinishedFolder
from kd_keras.utils.whole_file import is_part, whole_file
from kd_keras.vectors.npz_arrays import read_array

CODEBOOKS = "codebooks"
CODEBOOK_FILES = ("embedding.keras", "codebooks.json")


class UnfinishedRun(UnfinishedFolder):
    """Keeps the codes that a run has found so far, in complete files.

    Args:
        output, settings: See `UnfinishedFolder`. The settings have K and D.
    """

    kept = re.compile(r"codes-\d+\.npy")

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

    def _remove(self, path: Path) -> None:
        name = path.name
        if name == CODEBOOKS or is_temporary(name, CODEBOOKS):
            _remove_folder(path, CODEBOOK_FILES)

    def _file(self, rows: slice) -> Path:
        return self.folder / f"codes-{rows.start:012d}.npy"


def _remove_folder(folder: Path, files: Collection[str]) -> None:
    """Removes a folder with these files only, or their temporary files."""
    for path in list(folder.iterdir()):
        if path.name in files or is_part(path.name):
            path.unlink()
    folder.rmdir()
