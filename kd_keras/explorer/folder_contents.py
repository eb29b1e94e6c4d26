"""Reading the folder that `kd-keras compress` wrote."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.folders.codes_file import codes_in, read_code_arrays
from kd_keras.folders.report_file import read_report, tiers_of_report
from kd_keras.utils.errors import BadInputError
from kd_keras.vectors.ids_as_words import IdsAsWords
from kd_keras.vectors.npz_arrays import read_arrays


@dataclasses.dataclass(frozen=True)
class FolderContents:
    """Codes, words and neighbours of a compressed table.

    Attributes:
        report: Dictionary. Contents of `report.json`.
        codes: array, shape `(N, D)`, uint8 if K is at most 256, else uint16.
        words: N strings, the ids if the table has no words.
        symbols: array of int, shape `(M,)`. Ascending ids of the symbols whose
            neighbours are known.
        before: array of int, shape `(M, count)`. Ids of their nearest
            neighbours before compression.
        after: array of int, shape `(M, count)`. The same after compression.
    """

    report: dict[str, Any]
    codes: np.ndarray
    words: Sequence[str]
    symbols: np.ndarray
    before: np.ndarray
    after: np.ndarray


def read_folder(path: str | os.PathLike[str]) -> FolderContents:
    """Reads a folder that `kd-keras compress` wrote.

    Args:
        path: path. The folder.

    Returns:
        A `FolderContents`.

    Raises:
        BadInputError: If it is not such a folder, or a file in it is missing
            or damaged.
    """
    folder = Path(path)
    report = read_report(folder)
    if not _can_be_shown(report):
        raise BadInputError(
            f"{folder / 'report.json'} is damaged, or was not written by "
            "kd-keras compress"
        )
    N, K, D = (report[name] for name in "NKD")
    tiers = tiers_of_report(report)
    packed = _read(
        folder / "codes.npz", lambda path: read_code_arrays(path, tiers)
    )
    near = _read(
        folder / "neighbours.npz",
        lambda path: read_arrays(path, "symbols", "before", "after"),
    )
    words: Sequence[str] = IdsAsWords(N)
    if report.get("has_words", True):
        words = _text(folder / "vocabulary.txt").split("\n")[:-1]
    try:
        codes = codes_in(packed, N, K, D, tiers)
    except (ValueError, TypeError) as error:
        raise BadInputError(f"{folder / 'codes.npz'}: {error}") from None
    if len(words) != N:
        raise BadInputError(
            f"{folder / 'vocabulary.txt'} must hold the {N:,} symbols of "
            f"report.json. Received: {len(words):,}"
        )
    if not _are_neighbours(**near, N=N):
        raise BadInputError(
            f"{folder / 'neighbours.npz'} must hold neighbours of the {N:,} "
            "symbols of report.json; it is damaged or belongs to another table"
        )
    return FolderContents(report, codes, words, **near)


def _can_be_shown(report: dict[str, Any]) -> bool:
    """Returns whether the examples of a report are symbols of its table."""
    try:
        ids = [example["id"] for example in report["examples"]]
        return all(type(i) is int and 0 <= i < report["N"] for i in ids)
    except (KeyError, TypeError):
        return False


def _are_neighbours(
    symbols: np.ndarray, before: np.ndarray, after: np.ndarray, N: int
) -> bool:
    """Returns whether these are ids of N symbols, with ascending `symbols`."""
    return (
        all(
            ids.dtype.kind in "iu" and bool(((ids >= 0) & (ids < N)).all())
            for ids in (symbols, before, after)
        )
        and symbols.ndim == 1
        and bool((np.diff(symbols.astype(np.int64)) > 0).all())
        and before.ndim == 2
        and len(before) == len(symbols)
        and after.shape == before.shape
    )


def _read(
    path: Path, read: Callable[[Path], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Reads arrays from a `.npz` file."""
    try:
        return read(path)
    except FileNotFoundError:
        raise BadInputError(f"{path} is missing") from None
    except ValueError:
        raise BadInputError(
            f"{path} is damaged, or was not written by kd-keras compress"
        ) from None


def _text(path: Path) -> str:
    """Reads a text file."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise BadInputError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError):
        raise BadInputError(f"{path} cannot be read as UTF-8") from None
