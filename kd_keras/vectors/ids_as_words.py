"""Ids in place of words, for tables without words."""

from collections.abc import Sequence
from typing import Any


class IdsAsWords(Sequence[str]):
    """A sequence of the ids `0..N-1` as words, which takes no memory.

    Args:
        N: int. Number of ids.

    Example:

    >>> words = IdsAsWords(1_000_000)
    >>> words[999_999], words[1:3], len(words)
    ('999999', ['1', '2'], 1000000)
    """

    def __init__(self, N: int) -> None:
        self._ids = range(N)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [str(i) for i in self._ids[index]]
        return str(self._ids[index])
