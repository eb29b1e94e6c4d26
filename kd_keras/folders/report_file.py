"""Writes and reads a folder's report."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.folders.description_file import read_description
from kd_keras.folders.output_folder import FILES
from kd_keras.report.code_map import code_map
from kd_keras.report.page import report_page


def write_report(
    folder: Path, report: dict[str, Any], codes: np.ndarray
) -> None:
    """Writes `report.html` and `report.json` beside the files they tell of.

    Args:
        folder: The folder, with all its other files.
        report: The measurements; `files`, the bytes of each file, is added.
        codes: Codes, shape `(N, D)`, for the map of their use.
    """
    report["files"] = file_sizes(folder)
    page = report_page(report, code_map(codes, report["K"]))
    (folder / "report.html").write_text(page, encoding="utf-8", newline="\n")
    report["files"] = file_sizes(folder)
    # The report tells its own size too, which depends on itself.
    size, text = -1, ""
    while size != len(text.encode()):
        size = len(text.encode())
        report["files"]["report.json"] = size
        text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
        text += "\n"
    (folder / "report.json").write_text(text, encoding="utf-8", newline="\n")


def read_report(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads the report of a folder that `kd-keras compress` wrote.

    Args:
        path: The folder.

    Returns:
        The report.

    Raises:
        BadInputError: If that is not such a folder.
    """
    return read_description(
        Path(path, "report.json"),
        "PATH must be a folder that kd-keras compress wrote",
        "is not one of its reports",
    )


def file_sizes(folder: str | os.PathLike[str]) -> dict[str, int]:
    """Reads the bytes of each file of a result that is there.

    Args:
        folder: The folder.

    Returns:
        Sizes by name, in the order of `FILES`.
    """
    paths = [(name, Path(folder, name)) for name in FILES]
    return {name: p.stat().st_size for name, p in paths if p.is_file()}
