"""Pieces of a report's page. Words are the user's and are escaped here."""

import html
from typing import Any


def row(
    name: str, value: str, size: str = "", key: str = "", sum: bool = False
) -> str:
    """Returns a table row: a name, what it is, and a number at the right.

    Args:
        name: Its first cell.
        value: Its second.
        size: Its third; there is none where this is empty.
        key: The class of a spot of colour before the name, or none.
        sum: bool. Whether this is the last line of a sum.
    """
    spot = f'<span class="key {key}"></span>' if key else ""
    cells = f"<td>{spot}{html.escape(name)}</td>"
    if value or not size:
        cells += f"<td>{html.escape(value)}</td>"
    if size:
        cells += f'<td class="n">{html.escape(size)}</td>'
    return f'<tr class="sum">{cells}</tr>' if sum else f"<tr>{cells}</tr>"


def example_card(example: dict[str, Any]) -> str:
    """Returns a card of a symbol: its code and its neighbours."""
    before, after = example["before"], example["after"]
    kept = set(before) & set(after)
    return (
        f'<div class="card"><h3>{html.escape(example["word"])}'
        f"<small>{len(kept)} of {len(before)} kept</small></h3>"
        '<div class="sides">'
        f"<div><h4>before</h4>{_words(before, kept)}</div>"
        f"<div><h4>after</h4>{_words(after, kept)}</div></div>"
        f'<div class="code">{example["code"]}</div></div>'
    )


def group_line(group: dict[str, Any]) -> str:
    """Returns a group of symbols that share a code, or nearly do."""
    words = [html.escape(word) for word in group["words"]]
    if "agree" in group:
        near = zip(words, group["agree"], strict=True)
        said = f"<b>{html.escape(group['word'])}</b>: " + " ".join(
            f"{word}<sub>{agree}</sub>" for word, agree in near
        )
    else:
        more = group["size"] - len(words)
        said = " &middot; ".join(words)
        said += f" and {more:,} more" if more else ""
    return (
        f'<div class="group"><div>{said}</div>'
        f'<div class="code">{group["code"]}</div></div>'
    )


def _words(words: list[str], kept: set[str]) -> str:
    items = (
        f'<li><span class="kept">{html.escape(word)}</span></li>'
        if word in kept
        else f"<li>{html.escape(word)}</li>"
        for word in words
    )
    return f"<ol>{''.join(items)}</ol>"
