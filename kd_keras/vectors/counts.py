"""How often symbols occur, read from a file, and the weights that follow."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kd_keras.utils.errors import BadInputError


def read_counts(
    path: str, N: int, words: Sequence[str] | None = None
) -> np.ndarray:
    """Reads how often each symbol occurs.

    Args:
        path: str. A text of UTF-8 with one count per line, in the order of the
            symbols; or with a word and its count per line, in any order,
            where the count is what follows the last space or tab.
        N: int. Number of symbols.
        words: sequence of N str, or None. The symbols.

    Returns:
        array of float64, shape `(N,)`.

    Raises:
        BadInputError: If the file cannot be read, if a count is missing or is
            no number of at least 0, or if all are 0.
    """
    try:
        lines = Path(path).read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"--counts {path} cannot be read: {error}"
        ) from None
    if lines[-1] == "":
        lines.pop()
    cells = [line.rstrip("\r").rsplit(maxsplit=1) for line in lines]
    counts = np.array(
        [_count(path, number, row) for number, row in enumerate(cells, 1)]
    )
    if all(len(row) == 1 for row in cells):
        if len(counts) != N:
            raise BadInputError(
                f"--counts must have one count for each of the {N:,} symbols. "
                f"Received: {path} with {len(counts):,} lines"
            )
    else:
        counts = _by_word(path, cells, counts, words)
    if not counts.any():
        raise BadInputError(
            f"--counts must have a count above 0. Received: {path} with "
            "nothing but 0"
        )
    return counts


def _count(path: str, number: int, row: list[str]) -> float:
    try:
        count = float(row[-1])
    except (IndexError, ValueError):
        count = math.nan
    if not 0 <= count < math.inf:
        received = " ".join(row)[:60]
        raise BadInputError(
            "Each line of --counts must end with a number of at least 0. "
            f"Received: {received!r} in line {number} of {path}"
        )
    return count


def _by_word(
    path: str,
    cells: list[list[str]],
    counts: np.ndarray,
    words: Sequence[str] | None,
) -> np.ndarray:
    if words is None:
        raise BadInputError(
            "--counts must have one number per line where the vectors have no "
            f"words. Received: {path} with words"
        )
    known = {
        row[0]: count
        for row, count in zip(cells, counts, strict=True)
        if len(row) == 2
    }
    missing = [word for word in words if word not in known]
    if missing:
        raise BadInputError(
            f"--counts must have a count for every word. Received: {path} "
            f"without {missing[0]!r}"
            + (f" and {len(missing) - 1:,} more" if len(missing) > 1 else "")
        )
    return np.array([known[word] for word in words])


def weights_of_counts(counts: np.ndarray, power: float) -> np.ndarray:
    """Returns `counts ** power`, with half the smallest count in place of 0.

    Args:
        counts: array of float, shape `(N,)`, at least 0, not all 0.
        power: float, at least 0.

    Returns:
        array of float64, shape `(N,)`, positive.

    Example:

    >>> weights_of_counts(np.array([8.0, 2.0, 0.0]), 2)
    array([64.,  4.,  1.])
    """
    least = counts[counts > 0].min() / 2
    return np.where(counts > 0, counts, least) ** power
