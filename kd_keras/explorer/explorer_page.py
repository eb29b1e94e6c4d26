"""Writes the page on which one can look at codes."""

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

MOST_COLUMNS = 256  # of the map; beyond it, values are taken together
STARTS = 8


def explorer_page(contents: FolderContents, most: int) -> str:
    """Writes a page of HTML that needs no other file and no network.

    Args:
        contents: What `read_folder` gave.
        most: The first so many symbols are on the page; the map of use
            counts all.

    Returns:
        The page.
    """
    report = contents.report
    N, K, D, d = (report[name] for name in "NKDd")
    data = _data(contents, min(most, N))
    shown = len(data["words"])
    title = html.escape(Path(report["input"]["path"]).name)
    part = f"; the first {shown:,} are on this page" if shown < N else ""
    together = data["usage_bin"]
    return Template(_text("explorer.html")).substitute(
        title=title,
        shape=f"{N:,} symbols of {D} values out of {K:,}, in place of {d} "
        f"numbers{part}",
        style=report_text("page_style.css") + _text("explorer.css"),
        placeholder=html.escape(data["words"][data["starts"][0]], quote=True),
        D=D,
        last_value=K - 1,
        binned=f" ({together} values together)" if together > 1 else "",
        press="Press a place to see its symbols." if together == 1 else "",
        footer=f"Written by kd_keras {html.escape(__version__)}",
        # "<" could end the element that holds it.
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
        script=_text("explorer.js"),
    )


def _data(contents: FolderContents, shown: int) -> dict[str, Any]:
    """What the script of the page reads; arrays as base64."""
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
        # Neighbours that have no place on the page.
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
    """Symbols to begin with: the report's examples, common to rare."""
    ids = [e["id"] for e in report["examples"] if e["id"] < shown]
    return ids[:STARTS] or [0]


def _base64(array: np.ndarray) -> str:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(little.tobytes()).decode("ascii")


def _text(name: str) -> str:
    files = resources.files("kd_keras.explorer")
    return files.joinpath(name).read_text("utf-8")
