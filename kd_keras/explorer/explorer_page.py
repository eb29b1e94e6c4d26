"""The HTML page that shows codes."""

import base64
import html
import json
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from kd_keras.codes.statistics import value_counts
from kd_keras.explorer.folder_contents import FolderContents
from kd_keras.report.page import report_text
from kd_keras.version import __version__

MOST_COLUMNS = 256  # of the map; for a larger K, values are grouped
STARTS = 8


def explorer_page(contents: FolderContents, most: int) -> str:
    """Returns a page of HTML that needs no other file and no network.

    Args:
        contents: `FolderContents` that `read_folder` returned.
        most: int, at least 1. Most symbols on the page, the first ones. The
            map of use counts all symbols.

    Returns:
        A str, the page.
    """
    report = contents.report
    N, K, D, d = (report[name] for name in "NKDd")
    data = _data(contents, min(most, N))
    shown = len(data["words"])
    name = Path(report["input"]["path"]).name
    # A file's name may hold bytes that are not UTF-8.
    title = html.escape(name.encode("utf-8", "replace").decode())
    part = f"; the first {shown:,} are on this page" if shown < N else ""
    together = data["usage_bin"]
    return Template(_text("explorer.html")).substitute(
        title=title,
        shape=f"{N:,} symbols with {D} values out of {K:,} each, instead of "
        f"{d} numbers{part}",
        style=report_text("page_style.css") + _text("explorer.css"),
        placeholder=html.escape(data["words"][data["starts"][0]], quote=True),
        D=D,
        last_value=K - 1,
        binned=f" ({together} neighbouring values)" if together > 1 else "",
        press="Click a cell to see its symbols." if together == 1 else "",
        footer=f"Written by kd_keras {html.escape(__version__)}",
        # "<" could end the element that contains the data.
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
        script=_text("explorer.js"),
    )


def _data(contents: FolderContents, shown: int) -> dict[str, Any]:
    """Returns the data for the script of the page, with arrays as base64."""
    report, words = contents.report, contents.words
    K = report["K"]
    known = contents.symbols < shown
    near = {
        name: np.asarray(rows)[known].astype("<u4")
        for name, rows in (
            ("symbols", contents.symbols),
            ("before", contents.before),
            ("after", contents.after),
        )
    }
    named = np.unique([near["before"], near["after"]])
    together = -(-K // MOST_COLUMNS)
    usage = np.add.reduceat(
        value_counts(contents.codes, K), np.arange(0, K, together), axis=1
    )
    return {
        "N": report["N"],
        "K": K,
        "D": report["D"],
        "words": words[:shown],
        # Words of neighbours that are not on the page themselves.
        "elsewhere": {int(i): words[i] for i in named[named >= shown]},
        "code_bytes": contents.codes.dtype.itemsize,
        "codes": _base64(contents.codes[:shown]),
        "usage": _base64(usage.astype("<u4")),
        "usage_columns": usage.shape[1],
        "usage_bin": together,
        "neighbours": {
            "count": near["before"].shape[1],
            **{name: _base64(rows) for name, rows in near.items()},
        },
        "starts": _starts(report, shown),
    }


def _starts(report: dict[str, Any], shown: int) -> list[int]:
    """Returns symbols to start with: the report's examples that are shown."""
    ids = [e["id"] for e in report["examples"] if e["id"] < shown]
    return ids[:STARTS] or [0]


def _base64(array: np.ndarray) -> str:
    """Encodes the little-endian bytes of an array."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(little.tobytes()).decode("ascii")


def _text(name: str) -> str:
    """Reads a file of this subpackage."""
    files = resources.files("kd_keras.explorer")
    return files.joinpath(name).read_text("utf-8")
