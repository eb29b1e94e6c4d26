"""The words of a table: given, checked, and repeated ones left out."""

from kd_keras.vectors.table import Table, VectorFileError, clipped
from kd_keras.vectors.word_vectors import WordVectors


def with_words(
    table: Table, words: bool | list[str] | None, said: str
) -> Table:
    """Attaches the given words, or checks that the file has words or none."""
    if words is None:
        return table
    if words is True:
        if table.words is None:
            raise VectorFileError(
                "The file must have words, since words=True (--number-words). "
                "Received: vectors without words"
            )
        return table
    if table.words is not None:
        raise VectorFileError(
            f"The file has words of its own: read it without {said}. "
            f"Received: {clipped(table.words[0])} in "
            f"{place_of(table, 0, word=False)}"
        )
    if words is False:
        return table
    if len(words) != len(table.vectors):
        raise VectorFileError(
            f"There must be one word per vector, {len(table.vectors)} words. "
            f"Received: {len(words)} words"
        )
    return table._replace(words=words)


def check_words(table: Table) -> None:
    """Refuses words that a vocabulary file, one word per line, cannot hold."""
    words = table.words or []
    if not all(words) or any("\n" in word for word in words):
        row = next(i for i, w in enumerate(words) if not w or "\n" in w)
        raise VectorFileError(
            "A word must not be empty or contain a line break. Received: "
            f"{clipped(words[row])} in {place_of(table, row, word=False)}"
        )


def without_duplicates(
    table: Table, found: str, duplicates: str
) -> WordVectors:
    """Refuses repeated words, or keeps the first row of each."""
    words, vectors = table.words, table.vectors
    dropped = 0
    if words is not None and len(set(words)) != len(words):
        first: dict[str, int] = {}
        for row, word in enumerate(words):
            before = first.setdefault(word, row)
            if before != row and duplicates == "error":
                raise VectorFileError(
                    "A word must occur in one row only. Received: "
                    f"{clipped(word)} in "
                    f"{place_of(table, before, word=False)} and "
                    f"{place_of(table, row, word=False)}"
                )
        dropped = len(words) - len(first)
        words, vectors = list(first), vectors[list(first.values())]
    return WordVectors(words, vectors, found, dropped, table.notes)


def place_of(table: Table, row: int, word: bool = True) -> str:
    """Returns "line 7 ('the')" for text, else "row 5 ('the')", from 0."""
    text = table.first_line is not None
    place = f"line {row + (table.first_line or 0)}" if text else f"row {row}"
    told = word and table.words is not None
    return f"{place} ({clipped(table.words[row])})" if told else place  # type: ignore[index]
