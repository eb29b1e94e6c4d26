"""Writes and reads a folder's report."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.bad_input import BadInputError
from kd_keras.output_folder import FILES
from kd_keras.report.code_map import code_map
from kd_keras.report.report_page import report_page

FORMAT = 1


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
    folder = Path(path)
    wanted = "PATH must be a folder that kd-keras compress wrote. Received: "
    if not folder.exists():
        raise BadInputError(f"{wanted}{path}, which does not exist")
    if not folder.is_dir():
        raise BadInputError(f"{wanted}{path}, a file")
    try:
        text = (folder / "report.json").read_text(encoding="utf-8")
        report = json.loads(text)
        found = report["format"]
    except FileNotFoundError:
        raise BadInputError(f"{wanted}{path}, without a report.json") from None
    except OSError as error:
        raise BadInputError(
            f"{wanted}{path}, whose report.json cannot be read: "
            f"{error.strerror}"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise BadInputError(
            f"{wanted}{path}, whose report.json is not one of its reports"
        ) from None
    if found != FORMAT:
        raise BadInputError(
            f"{wanted}{path}, whose report.json is of format {found!r}; this "
            f"version reads format {FORMAT}"
        )
    return report


def file_sizes(folder: str | os.PathLike[str]) -> dict[str, int]:
    """Reads the bytes of each file of a result that is there.

    Args:
        folder: The folder.

    Returns:
        Sizes by name, in the order of `FILES`.
    """
    paths = [(name, Path(folder, name)) for name in FILES]
    return {name: p.stat().st_size for name, p in paths if p.is_file()}
