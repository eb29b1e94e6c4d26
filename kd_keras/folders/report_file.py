"""Writes and reads the report in a folder."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.codes.tiers import Tiers, read_tiers
from kd_keras.folders.description_file import read_description
from kd_keras.folders.output_folder import FILES
from kd_keras.report.code_map import code_map
from kd_keras.report.page import report_page
from kd_keras.utils.errors import BadInputError

# A path may hold bytes that are not UTF-8. Python shows them as surrogates,
# which JSON can only escape: "caf\\udce9.txt".
BYTES = "backslashreplace"
# The `kind` of a model's report.
MODEL = "model"


def write_report(
    folder: Path, report: dict[str, Any], codes: np.ndarray
) -> None:
    """Writes `report.html` and `report.json` beside the files they describe.

    Args:
        folder: path. The folder with all its other files.
        report: dict. The measurements; `files`, the size of each file in
            bytes, is added.
        codes: array of int, shape `(N, D)`, for the map of their use.
    """
    report["files"] = file_sizes(folder)
    page = report_page(report, code_map(codes, report["K"]))
    (folder / "report.html").write_bytes(page.encode("utf-8", "replace"))
    report["files"] = file_sizes(folder)
    # The report also contains its own size, so repeat until it is stable.
    size, text = -1, ""
    while size != len(text.encode("utf-8", BYTES)):
        size = len(text.encode("utf-8", BYTES))
        report["files"]["report.json"] = size
        text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
        text += "\n"
    (folder / "report.json").write_bytes(text.encode("utf-8", BYTES))


def read_report(
    path: str | os.PathLike[str], option: str = "PATH"
) -> dict[str, Any]:
    """Reads the report of a folder that `kd-keras compress` wrote.

    Args:
        path: path. The folder.
        option: str. The option that names it, for errors.

    Returns:
        dict. The report.

    Raises:
        BadInputError: If it is not a folder that `kd-keras compress` wrote.
    """
    report = read_any_report(path, option)
    if report.get("kind") == MODEL:
        raise BadInputError(
            f"{option} must be the folder of a table. Received: "
            f"{path}, the folder of a model"
        )
    return report


def read_any_report(
    path: str | os.PathLike[str], option: str = "PATH"
) -> dict[str, Any]:
    """Reads the report of a table, or of a model, that was made small.

    Args:
        path: path. The folder.
        option: str. The option that names it, for errors.

    Returns:
        dict. The report; that of a model has the `kind` `MODEL`.

    Raises:
        BadInputError: If it is not a folder that `kd-keras compress` wrote.
    """
    wanted = f"{option} must be a folder written by kd-keras compress"
    wrong = "is not one of its reports"
    report = read_description(Path(path, "report.json"), wanted, wrong)
    if not (_is_report(report) or _is_of_model(report)):
        raise BadInputError(
            f"{wanted}. Received: {path}, whose report.json {wrong}"
        )
    return report


def tiers_of_report(report: dict[str, Any]) -> Tiers | None:
    """Returns the tiers of the codes that a report describes.

    Args:
        report: dict, as `read_report` returns it.

    Raises:
        BadInputError: If they do not fit the sizes.
    """
    given = report.get("tiers")
    if given is None:
        return None
    try:
        N, K, D = (report[name] for name in "NKD")
        *_, tiers = read_tiers(K, given["D"], given["ends"], N)
        if tiers is None or tiers.D[0] != D:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise BadInputError(
            "report.json is damaged: its tiers do not fit its sizes. "
            f"Received: tiers={given}"
        ) from None
    return tiers


def _is_of_model(report: dict[str, Any]) -> bool:
    """Returns whether what is printed of a model's report is there."""
    measured = report.get("measured")
    return (
        report.get("kind") == MODEL
        and isinstance(report.get("text"), str)
        and isinstance(report.get("folder"), str)
        and type(report.get("bytes")) is int
        and isinstance(measured, dict)
        and all(
            isinstance(x, dict)
            and x.keys() == next(iter(measured.values())).keys()
            and all(isinstance(number, float) for number in x.values())
            for x in measured.values()
        )
    )


def _is_report(report: dict[str, Any]) -> bool:
    """Returns whether the sizes and names that others rely on are there."""
    source = report.get("input")
    return (
        all(type(report.get(x)) is int and report[x] >= 1 for x in "NdKD")
        and all(
            isinstance(report.get(x), str) for x in ("command", "composition")
        )
        and isinstance(source, dict)
        and isinstance(source.get("path"), str)
        and (report.get("code_dim") is None or type(report["code_dim"]) is int)
    )


def file_sizes(folder: str | os.PathLike[str]) -> dict[str, int]:
    """Reads the sizes of the files of a result that exist.

    Args:
        folder: path.

    Returns:
        dict. Sizes in bytes by file name, in the order of `FILES`.
    """
    paths = [(name, Path(folder, name)) for name in FILES]
    return {name: p.stat().st_size for name, p in paths if p.is_file()}
