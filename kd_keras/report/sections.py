"""Parts of a report's page. The words come from the user and are escaped."""

import html
from typing import Any


def row(
    name: str, value: str, size: str = "", key: str = "", sum: bool = False
) -> str:
    """Returns a table row: a name, a description and a number at the right.

    Args:
        name: str. Text of the first cell.
        value: str. Text of the second cell.
        size: str. Text of the third cell; there is none if this is empty.
        key: str. CSS class of a coloured spot before the name; there is none
            if this is empty.
        sum: bool. Whether the row is the total of the rows above.

    Returns:
        A str of HTML.
    """
    spot = f'<span class="key {key}"></span>' if key else ""
    cells = f"<td>{spot}{html.escape(name)}</td>"
    if value or not size:
        cells += f"<td>{html.escape(value)}</td>"
    if size:
        cells += f'<td class="n">{html.escape(size)}</td>'
    return f'<tr class="sum">{cells}</tr>' if sum else f"<tr>{cells}</tr>"


def example_card(example: dict[str, Any]) -> str:
    """Returns the card of a symbol: its code and its neighbours.

    Args:
        example: Dictionary, as `example_symbols` returns.

    Returns:
        A str of HTML.
    """
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
    """Returns a group of symbols with the same code or similar codes.

    Args:
        group: Dictionary, as `shared_groups` or `near_groups` returns.

    Returns:
        A str of HTML.
    """
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
    """Returns a list of words, with those in `kept` highlighted."""
    items = (
        f'<li><span class="kept">{html.escape(word)}</span></li>'
        if word in kept
        else f"<li>{html.escape(word)}</li>"
        for word in words
    )
    return f"<ol>{''.join(items)}</ol>"
