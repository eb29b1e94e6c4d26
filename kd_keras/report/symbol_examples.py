"""Symbols to show in a report: examples with neighbours, groups by code."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kd_keras.codes.shared_codes import symbol_groups
from kd_keras.utils.row_blocks import row_blocks

EXAMPLES = 12
GROUPS = 10
GROUP_SIZE = 12
NEAR_SIZE = 4
NEAR_AMONG = 10_000  # similar codes are searched among the first symbols
NEAR_LIMIT = 600_000_000  # values to compare, which takes about a second
NEAR_BLOCK = 256


def format_code(code: np.ndarray) -> str:
    """Formats a code as the paper's Table 2 does.

    Args:
        code: array of int, shape `(D,)`.

    Returns:
        A str.

    Example:

    >>> format_code(np.array([3, 1, 0, 4]))
    '3-1-0-4'
    """
    return "-".join(map(str, code.tolist()))


def choose_examples(
    words: Sequence[str], symbols: np.ndarray, most: int = EXAMPLES
) -> list[int]:
    """Chooses symbols from the first to the last, increasingly far apart.

    Word lists are usually sorted from frequent to rare, so that both frequent
    and rare words are chosen. Near each place, a word of at least four letters
    is preferred.

    Args:
        words: N strings.
        symbols: array of int. Ascending ids to choose from.
        most: int. Most symbols to choose.

    Returns:
        Indices into `symbols`, ascending.

    Example:

    >>> choose_examples(["a", "in", "week", "b"], np.arange(4), most=1)
    [2]
    """
    M = len(symbols)
    if most >= M:
        return list(range(M))
    chosen: set[int] = set()
    first = min(most, M // 100)
    for place in np.geomspace(1 + first, M, most).astype(int) - 1:
        window = range(place, min(place + max(5, M // 50), M))
        free = [i for i in window if i not in chosen] or [
            i for i in range(M) if i not in chosen
        ]
        good = (i for i in free if _tells(words[symbols[i]]))
        chosen.add(next(good, free[0]))
    return sorted(chosen)


def example_symbols(
    words: Sequence[str], codes: np.ndarray, arrays: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Describes some symbols by their codes and neighbours.

    Args:
        words: N strings.
        codes: array of int, shape `(N, D)`.
        arrays: Dictionary of the arrays that `measure_neighbours` returns.

    Returns:
        List of dictionaries with `id`, `word`, `code`, and the neighbouring
        words `before` and `after`, the nearest first.
    """
    return [
        {
            "id": int(arrays["symbols"][place]),
            "word": words[arrays["symbols"][place]],
            "code": format_code(codes[arrays["symbols"][place]]),
            "before": [words[i] for i in arrays["before"][place]],
            "after": [words[i] for i in arrays["after"][place]],
        }
        for place in choose_examples(words, arrays["symbols"])
    ]


def shared_groups(
    words: Sequence[str], codes: np.ndarray, most: int = GROUPS
) -> list[dict[str, Any]]:
    """Describes the largest groups of symbols that share a code.

    Args:
        words: N strings.
        codes: array of int, shape `(N, D)`.
        most: int. Most groups to describe.

    Returns:
        List of dictionaries with `code`, `size`, and the first twelve `words`.

    Example:

    >>> shared_groups(["week", "cat", "day"], np.array([[3], [2], [3]]))
    [{'code': '3', 'size': 2, 'words': ['week', 'day']}]
    """
    return [
        {
            "code": format_code(codes[group[0]]),
            "size": len(group),
            "words": [words[i] for i in group[:GROUP_SIZE]],
        }
        for group in symbol_groups(codes, most)
        if len(group) > 1
    ]


def near_groups(
    words: Sequence[str], codes: np.ndarray, most: int = GROUPS
) -> list[dict[str, Any]]:
    """Describes groups of symbols whose codes agree in the most positions.

    A group is a symbol out of about the first 2,000, and the symbols out of
    the first 10,000 with the most similar codes. No symbol is in two groups.

    Args:
        words: N strings.
        codes: array of int, shape `(N, D)`.
        most: int. Most groups to describe.

    Returns:
        List of dictionaries with `word`, its `code`, the four `words` with the
        nearest codes, and the numbers of positions in which these `agree`.

    Example:

    >>> near_groups(["a", "b", "c"], np.array([[1, 1], [2, 2], [1, 2]]), 1)
    [{'word': 'c', 'code': '1-2', 'words': ['a', 'b'], 'agree': [1, 1]}]
    """
    codes = codes[:NEAR_AMONG]
    N, D = codes.shape
    near = min(NEAR_SIZE, N - 1)
    if near < 1:
        return []
    rows = min(N, max(100, NEAR_LIMIT // (N * D)), 2_000)
    columns = np.ascontiguousarray(codes.T)
    keys = np.empty((rows, near), np.int64)
    for some in row_blocks(rows, NEAR_BLOCK):
        agree = np.zeros((some.stop - some.start, N), np.int64)
        for column in columns:
            agree += column[some, None] == column
        own = np.arange(some.start, some.stop)
        agree[own - some.start, own] = -1
        # Keys are unique; among equally near codes, the first symbol wins.
        key = agree * N + (N - 1 - np.arange(N))
        highest = np.partition(key, N - near, axis=1)[:, N - near :]
        keys[some] = np.sort(highest, axis=1)[:, ::-1]
    agree, others = keys // N, N - 1 - keys % N
    groups: list[dict[str, Any]] = []
    used: set[int] = set()
    for row in np.argsort(-agree.sum(axis=1), kind="stable").tolist():
        members = {row, *others[row].tolist()}
        if members & used or not agree[row, 0]:
            continue
        used |= members
        groups.append(
            {
                "word": words[row],
                "code": format_code(codes[row]),
                "words": [words[i] for i in others[row]],
                "agree": agree[row].tolist(),
            }
        )
        if len(groups) == most:
            break
    return groups


def _tells(word: str) -> bool:
    """Returns whether a word is a good example."""
    return len(word) >= 4 and word.isalpha()
