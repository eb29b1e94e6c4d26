"""The HTML page of a report: a single file that works offline."""

import html
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from kd_keras.codes.usage import LEVEL_NAMES
from kd_keras.report import numbers
from kd_keras.report.sections import example_card, group_line, row

KEPT_INTRO = (
    "The ten words with the highest cosine similarity, before and after "
    "compression. Those in both lists are highlighted."
)


def report_page(report: dict[str, Any], code_map: str) -> str:
    """Writes a report as a page of HTML that needs no other file.

    Args:
        report: Dictionary. Contents of `report.json`.
        code_map: str. The SVG that the function `code_map` draws.

    Returns:
        A str, the page.
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
    """Reads a file of this subpackage: a template or the style of the pages.

    Args:
        name: str. Name of the file.

    Returns:
        A str, its text.
    """
    return resources.files("kd_keras.report").joinpath(name).read_text("utf-8")


def use_in_keras(folder: str) -> str:
    """Returns the lines of Python that use the embedding of a folder.

    Args:
        folder: str. Path of the folder that `kd-keras compress` wrote.

    Returns:
        A str of several lines.
    """
    return (
        "import keras, numpy as np, kd_keras\n"
        f"folder = {Path(folder).resolve().name!r}\n"
        'model = keras.saving.load_model(f"{folder}/embedding.keras")\n'
        "embedding = model.layers[0]  # in place of keras.layers.Embedding\n"
        "print(embedding(np.array([[0, 1]])).shape)"
    )


def _head(report: dict[str, Any]) -> dict[str, str]:
    """Returns the fields of the title, summary and main results."""
    sizes, error = report["bytes"], report["error"]
    kept, near = report["neighbours"], numbers.format_number
    most = sizes["float32_table"]
    N, d, K, D = (report[key] for key in ("N", "d", "K", "D"))
    against = numbers.size_statement(report)
    up_to = "up to " if "tiers" in report else ""
    summary = (
        f"{numbers.format_ratio(sizes['ratio'])}. Instead of {d} numbers, "
        f"each of the {N:,} symbols has a code of {up_to}{D} values from 0 to "
        f"{K - 1}; the {report['composition']} composition computes a vector "
        "from it."
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
            f"{near(error['variance'])} (mean squared distance)",
        ),
        *_weighted_fact(error),
        (
            "Nearest neighbours kept",
            numbers.format_kept(kept),
            f"by cosine, mean {sample}",
        ),
        (
            "Cosine",
            near(error["mean_cosine"]),
            "between the vectors before and after, mean",
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


def _weighted_fact(error: dict[str, Any]) -> list[tuple[str, str, str]]:
    if "weighted_error" not in error:
        return []
    return [
        (
            "Weighted error",
            numbers.format_share(error["weighted_error_share"]),
            "of the variance, with each symbol counted as often as its count "
            "says",
        )
    ]


def _sizes(report: dict[str, Any]) -> dict[str, str]:
    """Returns the fields of the section on bytes."""
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
    table.append(row("total after", ratio, size(sizes["total"]), sum=True))
    notes = (
        "In parameters, as the paper counts them: "
        f"{counted['conventional']:,} before; {counted['total']:,} after if "
        f"each value of a code counts as one, {counted['without_codes']:,} "
        "without the codes."
    )
    return {"bars": bars, "parts": "".join(table), "size_notes": notes}


def _codes(report: dict[str, Any]) -> dict[str, str]:
    """Returns the fields of the sections on codes."""
    codes, D = report["codes"], report["D"]
    groups = report["shared_codes"] or report["near_codes"]
    if report["shared_codes"]:
        title = "Symbols that share a code"
        intro = (
            f"{codes['collisions']:,} symbols share their code with another. "
            "These are the largest groups. Symbols with the same code have "
            "the same vector."
        )
    elif groups:
        title = "Symbols with similar codes"
        intro = (
            "No two symbols share a code. Among the first symbols of the "
            "table, these have the most similar codes. The small number is "
            f"the number of positions, out of {D}, in which the codes agree."
        )
    else:
        title, intro = "Symbols that share a code", "There are none."
    return {
        "code_intro": html.escape(numbers.code_statement(report))
        + " Below, each row is a position and each cell one of the "
        f"{report['K']:,} values. The colour shows how often symbols have "
        "this value, relative to equal use of all values.",
        "group_title": title,
        "group_intro": intro,
        "groups": "".join(map(group_line, groups)),
    }


def _use(report: dict[str, Any]) -> dict[str, str]:
    """Returns the fields of the sections on use, settings and files."""
    given, source = report["arguments"], report["input"]
    positions = f"{report['D']:,}"
    if "tiers" in report:
        positions = numbers.format_tiers(report)
    settings = [
        ("K, values per position", f"{report['K']:,}"),
        ("D, positions per code", positions),
        ("composition", report["composition"]),
        ("dimension of a code embedding", f"{report['code_dim']:,}"),
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
        settings.insert(5, ("shards of the codes", f"{report['shards']:,}"))
    if source["dropped"]:
        dropped = f"{source['dropped']:,}, whose words occur in earlier rows"
        settings.insert(5, ("rows left out", dropped))
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
            "codes.npz contains the packed codes. embedding.keras is the "
            "layer as Keras saves it: the weights, and the codes with one "
            "byte per value (two if K is more than 256). "
            + ("vocabulary.txt and " if report["has_words"] else "")
            + "neighbours.npz "
            + ("are" if report["has_words"] else "is")
            + " not needed to compute vectors."
            + (
                " embedding.tflite is all that a device needs"
                + (", including the vocabulary" if report["has_words"] else "")
                + f": {on_device}."
                if on_device
                else ""
            )
        ),
        "footer": (
            "Made by kd_keras, with the method of Chen, Min and Sun, "
            "&ldquo;Learning K-way D-dimensional Discrete Code For Compact "
            "Embedding Representations&rdquo;, 2017."
        ),
    }
