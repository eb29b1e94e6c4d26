"""The page of a report: one file that works offline."""

import html
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from kd_keras.codes.usage import LEVEL_NAMES
from kd_keras.report import numbers
from kd_keras.report.sections import example_card, group_line, row

KEPT_INTRO = (
    "Ten words whose vectors point most nearly the same way, before and "
    "after. Highlighted are those that are in both lists."
)


def report_page(report: dict[str, Any], code_map: str) -> str:
    """Writes a report as a page of HTML that needs no other file.

    Args:
        report: What `report.json` holds.
        code_map: The SVG that `code_map` draws.

    Returns:
        The page.
    """
    fields = {"style": report_text("page_style.css")}
    fields |= _head(report) | _sizes(report) | _codes(report) | _use(report)
    return Template(report_text("report_page.html")).substitute(
        fields,
        map=code_map,
        map_width=2.4 * report["K"],
        map_height=min(24, max(2, 0.62 * report["D"])),
        legend="".join(
            f'<span><svg viewBox="0 0 1 1"><path class="u{level}" '
            f'd="M0 0h1v1h-1z"/></svg>{name}</span>'
            for level, name in enumerate(LEVEL_NAMES)
        ),
        examples="".join(map(example_card, report["examples"])),
    )


def report_text(name: str) -> str:
    """Reads a file of this package: a template, or the pages' style."""
    return resources.files("kd_keras.report").joinpath(name).read_text("utf-8")


def use_in_keras(folder: str) -> str:
    """Returns the lines of Python that use a folder's embedding."""
    return (
        "import keras, numpy as np, kd_keras\n"
        f"folder = {Path(folder).resolve().name!r}\n"
        'model = keras.saving.load_model(f"{folder}/embedding.keras")\n'
        "embedding = model.layers[0]  # in place of keras.layers.Embedding\n"
        "print(embedding(np.array([[0, 1]])).shape)"
    )


def _head(report: dict[str, Any]) -> dict[str, str]:
    sizes, error = report["bytes"], report["error"]
    kept, near = report["neighbours"], numbers.format_number
    most = sizes["float32_table"]
    N, d, K, D = (report[key] for key in ("N", "d", "K", "D"))
    against = numbers.size_statement(report)
    summary = (
        f"{numbers.format_ratio(sizes['ratio'])}. Instead of {d} numbers, "
        f"each of the {N:,} symbols has a code, {D} values of 0 to {K - 1}; "
        f"the {report['composition']} composition makes a vector of it."
    )
    sample = numbers.format_sample(kept["symbols"], N) or "over all symbols"
    facts = [
        (
            "Size",
            numbers.format_ratio(sizes["ratio"]).split()[0],
            f"{numbers.format_ratio(sizes['ratio']).split()[1]} than the "
            f"table in float32{'; ' * bool(against)}{against}",
        ),
        (
            "Error",
            f"{numbers.format_share(error['error_share'])}",
            f"of the variance: {near(error['error'])} of "
            f"{near(error['variance'])} (squared distance, the mean)",
        ),
        (
            "Nearest neighbours kept",
            numbers.format_kept(kept),
            f"by cosine, the mean {sample}",
        ),
        (
            "Cosine",
            near(error["mean_cosine"]),
            "between a vector before and after, the mean",
        ),
    ]
    return {
        "title": html.escape(Path(report["input"]["path"]).name),
        "shape": f"{N:,} symbols x {d}",
        "before": numbers.format_bytes(most),
        "after": numbers.format_bytes(sizes["total"], like=most),
        "summary": summary,
        "facts": "".join(
            f'<div class="fact"><dt>{name}</dt><dd>{value}</dd>'
            f"<dd>{html.escape(note)}</dd></div>"
            for name, value, note in facts
        ),
        "neighbour_intro": KEPT_INTRO
        if report["has_words"]
        else KEPT_INTRO.replace("words", "symbols"),
    }


def _sizes(report: dict[str, Any]) -> dict[str, str]:
    sizes, counted = report["bytes"], report["parameters"]
    parts = numbers.size_parts(report)
    most = max(sizes["float32_table"], sizes["total"])

    def width(count: int) -> str:
        return f'style="width:{100 * count / most:.2f}%"'

    kept = "".join(
        f'<i class="p{i}" {width(count)}></i>'
        for i, (_, _, count) in enumerate(parts)
    )
    before = sizes["float32_table"]
    bars = (
        '<div class="small quiet">before</div>'
        f'<div class="bar"><i class="all" {width(before)}></i></div>'
        '<div class="small quiet">after</div>'
        f'<div class="bar">{kept}</div>'
    )
    size = numbers.format_bytes
    table = [
        row(
            "table before",
            f"{report['N']:,} x {report['d']}, float32",
            size(before),
        )
    ]
    table += [
        row(name, how, size(count), key=f"p{i}")
        for i, (name, how, count) in enumerate(parts)
    ]
    ratio = numbers.format_ratio(sizes["ratio"])
    table.append(row("after, together", ratio, size(sizes["total"]), sum=True))
    notes = (
        "The paper counts parameters: "
        f"{counted['conventional']:,} before; {counted['total']:,} after with "
        f"every value of a code as one, {counted['without_codes']:,} without "
        "the codes."
    )
    return {"bars": bars, "parts": "".join(table), "size_notes": notes}


def _codes(report: dict[str, Any]) -> dict[str, str]:
    codes, D = report["codes"], report["D"]
    groups = report["shared_codes"] or report["near_codes"]
    if report["shared_codes"]:
        title = "Symbols that share a code"
        intro = (
            f"{codes['collisions']:,} symbols share theirs; the largest "
            "groups. Symbols with one code get one vector."
        )
    elif groups:
        title = "Symbols with similar codes"
        intro = (
            "No two symbols share a code. These, among the first of the "
            f"list, agree in the most of the {D} positions; the small number "
            "says in how many."
        )
    else:
        title, intro = "Symbols that share a code", "There are none."
    return {
        "code_intro": html.escape(numbers.code_statement(report))
        + f" Below, a row is a position, a cell one of the {report['K']:,} "
        "values; colour tells how often symbols have it, against all values "
        "equally often.",
        "group_title": title,
        "group_intro": intro,
        "groups": "".join(map(group_line, groups)),
    }


def _use(report: dict[str, Any]) -> dict[str, str]:
    given, source = report["arguments"], report["input"]
    settings = [
        ("K, values of a position", f"{report['K']:,}"),
        ("D, positions of a code", f"{report['D']:,}"),
        ("composition", report["composition"]),
        ("size of a code embedding", f"{report['code_dim']:,}"),
        ("seed", str(report["seed"])),
        ("effort", f"{given['effort']:g}"),
        (
            "vectors",
            f"{source['path']}, {source['found_to_be']}, "
            f"{numbers.format_bytes(source['bytes'])}",
        ),
        ("SHA-256 of the vectors", source["sha256"]),
        (
            "versions",
            ", ".join(
                f"{name} {version}"
                for name, version in report["versions"].items()
            ),
        ),
        (
            "seconds",
            ", ".join(
                f"{name} {value:g}" for name, value in report["seconds"].items()
            ),
        ),
    ]
    learned, N = report.get("learned_rows", report["N"]), report["N"]
    if learned != N:
        settings.insert(
            5, ("code embeddings learned from", f"{learned:,} symbols")
        )
    if report.get("shards", 1) > 1:
        settings.insert(5, ("codes found in shards", f"{report['shards']:,}"))
    if source["dropped"]:
        dropped = f"{source['dropped']:,} rows of words that had come before"
        settings.insert(5, ("left out", dropped))
    settings += [("note", note) for note in source["notes"]]
    listed = report["files"].items()
    on_device = numbers.litert_statement(report)
    return {
        "use": html.escape(use_in_keras(given["output"]), quote=False),
        "command": html.escape(report["command"]),
        "settings": "".join(row(name, value) for name, value in settings),
        "files": "".join(
            row(name, "", numbers.format_bytes(size))
            for name, size in listed
            if not name.startswith("report.")
        ),
        "file_notes": (
            "codes.npz holds the codes packed to the bits they need; "
            "embedding.keras holds them a byte each (two above K = 256), "
            "with the weights, as Keras saves a layer. vocabulary.txt and "
            "neighbours.npz are not needed to get vectors."
            + (
                " embedding.tflite is all that a device needs, vocabulary "
                f"included: {on_device}."
                if on_device
                else ""
            )
        ),
        "footer": (
            "Made by kd_keras after Chen, Min and Sun, &ldquo;Learning K-way "
            "D-dimensional Discrete Code For Compact Embedding "
            "Representations&rdquo;, 2017."
        ),
    }
