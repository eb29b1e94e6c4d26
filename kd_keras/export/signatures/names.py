"""The names that inputs and outputs have in an exported file.

An input's name consists of ASCII letters, digits and underscores, and begins
with a letter, since TensorFlow would change any other name: each other
character becomes an underscore, and `arg_` comes before a name that begins
otherwise or is reserved. Names that are then equal get `_2`, `_3`, ... An
output keeps its name; nested outputs have the names of their path, joined by
underscores.
"""

import keyword
import re
from collections.abc import Iterable, Iterator
from typing import Any

# The parameters of `LiteRTModel.run`.
_RESERVED = ("self", "signature")


def file_name(name: str) -> str:
    """Returns the name of an input in a file."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    is_odd = not re.match("[A-Za-z]", plain) or keyword.iskeyword(plain)
    return f"arg_{plain}" if is_odd or plain in _RESERVED else plain


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Makes names distinct by appending `_2`, `_3`, ... to repeated ones."""
    used = set(taken)
    found = []
    for name in names:
        free, number = name, 1
        while free in used:
            number += 1
            free = f"{name}_{number}"
        used.add(free)
        found.append(free)
    return found


def named_leaves(outputs: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the tensors of nested dicts and lists, named by their paths."""
    if isinstance(outputs, dict):
        parts: Iterable[tuple[Any, Any]] = outputs.items()
    elif isinstance(outputs, (list, tuple)):
        parts = enumerate(outputs)
    else:
        yield path, outputs
        return
    for key, value in parts:
        yield from named_leaves(value, f"{path}_{key}" if path else str(key))
