"""How often symbols occur, read from a file, and the weights that follow."""

import codecs
import math
from collections.abc import Sequence

import numpy as np

from kd_keras.utils.errors import BadInputError

# A weight relative to the largest is not smaller.
LEAST_WEIGHT = 1e-30


def read_counts(
    path: str, N: int, words: Sequence[str] | None = None
) -> np.ndarray:
    """Reads how often each symbol occurs.

    Args:
        path: str. A text of UTF-8 with one count per line, in the order of the
            symbols; or with a word and its count per line, in any order, of
            these and other words. The count is what follows the last white
            space of ASCII.
        N: int. Number of symbols.
        words: sequence of N str, or None. The symbols.

    Returns:
        array of float64, shape `(N,)`.

    Raises:
        BadInputError: If the file cannot be read, if a count is missing or is
            no number of at least 0, if a word has two, or if all are 0.
    """
    places: dict[bytes, int] | None = None
    counts = np.full(N, math.nan)
    number = 0
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                cells = line.rsplit(None, 1)
                count = _count(path, number, line)
                if number == 1 and len(cells) == 2:
                    places = _places(path, words)
                if (len(cells) == 2) != (places is not None):
                    raise BadInputError(
                        "Each line of --counts must have a count, or each a "
                        f"word and a count. Received: {_shown(line)} in line "
                        f"{number} of {path}, unlike line 1"
                    )
                if places is None:
                    if number <= N:
                        counts[number - 1] = count
                elif cells[0] in places:
                    _set(path, counts, places[cells[0]], count, cells[0])
    except OSError as error:
        raise BadInputError(
            f"--counts {path} cannot be read: {error.strerror}"
        ) from None
    if places is None and number != N:
        raise BadInputError(
            f"--counts must have one count for each of the {N:,} symbols. "
            f"Received: {path} with {number:,} lines"
        )
    missing = np.flatnonzero(np.isnan(counts))
    if len(missing):
        assert words is not None
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise BadInputError(
            f"--counts must have a count for every word. Received: {path} "
            f"without {words[missing[0]]!r}{more}"
        )
    if not counts.any():
        raise BadInputError(
            f"--counts must have a count above 0. Received: {path} with "
            "nothing but 0"
        )
    return counts


def _places(path: str, words: Sequence[str] | None) -> dict[bytes, int]:
    if words is None:
        raise BadInputError(
            "--counts must have one number per line where the vectors have no "
            f"words. Received: {path} with words"
        )
    return {word.encode(): i for i, word in enumerate(words)}


def _set(
    path: str, counts: np.ndarray, place: int, count: float, word: bytes
) -> None:
    if not math.isnan(counts[place]):
        raise BadInputError(
            "--counts must have one count for a word. Received: two for "
            f"{_shown(word)} in {path}"
        )
    counts[place] = count


def _count(path: str, number: int, line: bytes) -> float:
    last = line.rsplit(None, 1)[-1] if line.strip() else b""
    try:
        count = math.nan if b"_" in last else float(last)
    except ValueError:
        count = math.nan
    if not 0 <= count < math.inf:
        raise BadInputError(
            "Each line of --counts must end with a number of at least 0. "
            f"Received: {_shown(line)} in line {number} of {path}"
        )
    return count


def _shown(line: bytes) -> str:
    return repr(line.strip()[:60].decode(errors="replace"))


def weights_of_counts(counts: np.ndarray, power: float) -> np.ndarray:
    """Returns weights in the ratio of `counts ** power`.

    Half the smallest count stands in place of 0.

    Args:
        counts: array of float, shape `(N,)`, at least 0, not all 0.
        power: float, at least 0.

    Returns:
        array of float64, shape `(N,)`, positive; the largest is 1.

    Example:

    >>> weights_of_counts(np.array([8.0, 2.0, 0.0]), 2)
    array([1.      , 0.0625  , 0.015625])
    """
    least = counts[counts > 0].min() / 2
    shares = np.where(counts > 0, counts, least) / counts.max()
    return np.maximum(shares**power, LEAST_WEIGHT)
