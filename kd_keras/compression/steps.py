"""The steps of a compression, of which an interrupted one keeps the results."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kd_keras.folders.unfinished_folder import UnfinishedFolder
from kd_keras.utils.progress_bar import Say
from kd_keras.utils.whole_file import whole_file
from kd_keras.vectors.npz_arrays import array_names, read_arrays

Arrays = dict[str, np.ndarray]


def digest_of(text: str) -> str:
    """Returns 16 hexadecimal digits that name a step or a run."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def arrays_of(variables: Iterable[Any], name: str = "") -> Arrays:
    """Copies variables; types that a `.npz` file lacks become float32."""
    found = {}
    for i, variable in enumerate(variables):
        array = np.array(keras.ops.convert_to_numpy(variable))
        is_plain = array.dtype.kind in "biuf"
        found[f"{name}{i}"] = array if is_plain else array.astype(np.float32)
    return found


def are_of(found: Arrays, variables: Collection[Any], name: str = "") -> bool:
    """Tells whether arrays can be those of variables."""
    return bool(found) and all(
        f"{name}{i}" in found
        and found[f"{name}{i}"].shape == tuple(variable.shape)
        for i, variable in enumerate(variables)
    )


def assign(variables: Iterable[Any], found: Arrays, name: str = "") -> None:
    """Gives variables the values that `arrays_of` copied."""
    for i, variable in enumerate(variables):
        variable.assign(found[f"{name}{i}"])


class Steps:
    """Runs the steps of a compression, and keeps nothing."""

    def read(self, name: str) -> Arrays:
        """Returns what was kept under a name, or an empty dict."""
        del name
        return {}

    def write(self, name: str, give: Callable[[], Arrays]) -> None:
        """Keeps arrays under a name, in place of earlier ones.

        Args:
            name: str.
            give: Function that returns the arrays. It is called only if they
                are kept, since copies of a model take memory.
        """

    def run(
        self,
        name: str,
        make: Callable[[], Arrays],
        fits: Callable[[Arrays], bool] = bool,
    ) -> Arrays:
        """Returns what a step gives.

        Args:
            name: str. The step: no two have the same.
            make: Function that does the work.
            fits: Function of what was kept that tells whether it can be of
                this step.

        Returns:
            dict of arrays.
        """
        found = self.read(name)
        if not fits(found):
            found = make()
            self.write(name, lambda: found)
        return found

    def remove(self) -> None:
        """Tells that the output is complete."""


NOTHING_KEPT = Steps()


class KeptSteps(UnfinishedFolder, Steps):
    """Keeps what each step gave, beside the output, until this is complete.

    A run of other settings neither finds it nor removes it: it has other
    names.

    Args:
        output: path. The folder that the run is to write.
        settings: dict of JSON values that determine the results.
        say: callable. Called with a line of text if some steps are kept.

    Raises:
        BadInputError: If there is an unfinished run of a table, or a folder of
            that name that is not an unfinished run.
    """

    kept = re.compile(r"[0-9a-f]{16}-[0-9a-z-]+\.npz")

    def __init__(
        self,
        output: Path,
        settings: dict[str, Any],
        say: Say = lambda line: None,
    ) -> None:
        super().__init__(output, {"kind": "model"})
        text = json.dumps(settings, sort_keys=True)
        self._digest = digest_of(text)
        self._say, self._is_full = say, False
        if self._own():
            say(f"Going on from {self.folder}")

    def read(self, name: str) -> Arrays:
        path = self._file(name)
        try:
            return read_arrays(path, *array_names(path))
        except (OSError, ValueError):
            return {}

    def write(self, name: str, give: Callable[[], Arrays]) -> None:
        if self._is_full:
            return
        try:
            self.begin()
            with whole_file(self._file(name)) as path, path.open("wb") as file:
                np.savez(file, **give())  # type: ignore[arg-type]
        except OSError as error:  # the result may still fit
            self._is_full = True
            self._say(f"From here on nothing is kept: {error}")

    def remove(self) -> None:
        """Removes what this run has kept, but not what others have."""
        own = self._own()
        if len(own) == len(list(self.folder.glob("*.npz"))):
            super().remove()
        for path in own:
            path.unlink(missing_ok=True)

    def _own(self) -> list[Path]:
        return list(self.folder.glob(f"{self._digest}-*.npz"))

    def _file(self, name: str) -> Path:
        return self.folder / f"{self._digest}-{name}.npz"
