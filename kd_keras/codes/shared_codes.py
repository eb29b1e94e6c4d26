"""Symbols that share a code, as Table 2 of Chen, Min and Sun (2017) shows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kd_keras.codes.checks import MAX_K, check_codes, row_keys


def distinct_codes(codes: npt.ArrayLike) -> int:
    """Counts the different codes.

    Args:
        codes: array of int, 0 to 65535, shape `(N, D)`.

    Returns:
        An int, at most N.

    Example:

    >>> distinct_codes([[0, 1], [0, 2], [0, 1]])
    2
    """
    return len(np.unique(_keys(codes)))


def collisions(codes: npt.ArrayLike) -> int:
    """Counts the symbols that share their code with another symbol.

    Args:
        codes: array of int, 0 to 65535, shape `(N, D)`.

    Returns:
        An int, 0 to N.

    Example:

    >>> collisions([[0, 1], [0, 2], [0, 1]])
    2
    """
    counts = np.unique(_keys(codes), return_counts=True)[1]
    return int(counts[counts > 1].sum())


def symbol_groups(
    codes: npt.ArrayLike, most: int | None = None
) -> list[np.ndarray]:
    """Groups the symbols that share one code.

    Args:
        codes: array of int, 0 to 65535, shape `(N, D)`.
        most: int or None. Most groups to return; None means all.

    Returns:
        One array of ascending row indices per distinct code. The largest
        group is first; groups of equal size are in the order of their codes.

    Example:

    >>> [g.tolist() for g in symbol_groups([[2, 1], [0, 2], [2, 1]])]
    [[0, 2], [1]]
    """
    keys = _keys(codes)
    order = np.argsort(keys, kind="stable")
    _, counts = np.unique(keys, return_counts=True)  # sorted as `order` is
    ends = np.cumsum(counts)
    largest = np.argsort(-counts, kind="stable")[:most]  # then by code
    return [order[ends[g] - counts[g] : ends[g]] for g in largest]


def format_groups(
    codes: npt.ArrayLike,
    words: Sequence[str] | None,
    most: int = 10,
    words_per_group: int = 12,
) -> str:
    """Formats groups of symbols that share a code as the paper's Table 2 does.

    Args:
        codes: array of int, 0 to 65535, shape `(N, D)`.
        words: N strings, or None to show the row numbers.
        most: int. Most groups to show, the largest first.
        words_per_group: int. Most words to show of a group, followed by "..."
            if there are more.

    Returns:
        A str with lines such as "3-1-0-4: week tuesday wednesday ...". Symbols
        that do not share their code are left out.

    Raises:
        ValueError: If there is not one word per code.

    Example:

    >>> codes = [[3, 1, 0, 4], [2, 2, 2, 2], [3, 1, 0, 4]]
    >>> print(format_groups(codes, ["week", "cat", "tuesday"]))
    3-1-0-4: week tuesday
    """
    codes = check_codes(codes, MAX_K)
    if words is not None and len(words) != len(codes):
        raise ValueError(
            f"There must be one word per code. Received: {len(words)} words, "
            f"{len(codes)} codes"
        )
    lines = []
    for group in symbol_groups(codes, most):
        if len(group) < 2:
            break
        shown = [str(i) if words is None else words[i] for i in group]
        more = ["..."] if len(shown) > words_per_group else []
        code = "-".join(str(value) for value in codes[group[0]])
        lines.append(f"{code}: {' '.join(shown[:words_per_group] + more)}")
    return "\n".join(lines)


def _keys(codes: npt.ArrayLike) -> np.ndarray:
    """Checks codes and returns their sortable keys."""
    array = check_codes(codes, MAX_K)
    # Halves the bytes to sort if the values allow it.
    if array.size and array.max() < 256:
        array = array.astype(np.uint8)
    return row_keys(array)
