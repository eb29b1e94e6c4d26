"""Reads what `kd-keras compress` wrote into a folder."""

import dataclasses
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.bad_input import BadInputError
from kd_keras.packing import unpack_codes
from kd_keras.report.report_file import read_report


@dataclasses.dataclass(frozen=True)
class FolderContents:
    """Codes, words and neighbours of a compressed table.

    Attributes:
        report: What `report.json` holds.
        codes: Shape `(N, D)`, uint8 up to K = 256, else uint16.
        words: N strings.
        symbols: Ids whose neighbours are known, ascending, shape `(M,)`.
        before, after: Their nearest neighbours, shape `(M, count)`.
    """

    report: dict[str, Any]
    codes: np.ndarray
    words: list[str]
    symbols: np.ndarray
    before: np.ndarray
    after: np.ndarray


def read_folder(path: str | os.PathLike[str]) -> FolderContents:
    """Reads a folder of `kd-keras compress`.

    Args:
        path: The folder.

    Returns:
        A `FolderContents`.

    Raises:
        BadInputError: If it is not such a folder, or a file in it is missing
            or damaged.
    """
    folder = Path(path)
    report = read_report(folder)
    N, K, D = (report[name] for name in "NKD")
    packed = _arrays(folder / "codes.npz", "codes")["codes"]
    near = _arrays(folder / "neighbours.npz", "symbols", "before", "after")
    words = _text(folder / "vocabulary.txt").split("\n")[:-1]
    try:
        codes = unpack_codes(packed, K, D)
    except (ValueError, TypeError) as error:
        raise BadInputError(f"{folder / 'codes.npz'}: {error}") from None
    for name, rows in (("codes.npz", codes), ("vocabulary.txt", words)):
        if len(rows) != N:
            raise BadInputError(
                f"{folder / name} must hold the {N:,} symbols of report.json. "
                f"Received: {len(rows):,}"
            )
    return FolderContents(report, codes, words, **near)


def _arrays(path: Path, *names: str) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except FileNotFoundError:
        raise BadInputError(f"{path} is missing") from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        raise BadInputError(
            f"{path} is damaged, or not a file of kd-keras compress"
        ) from None


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise BadInputError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError):
        raise BadInputError(f"{path} cannot be read as UTF-8") from None
