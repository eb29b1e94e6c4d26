"""Reading word2vec's binary format."""

import numpy as np

from kd_keras.vectors.table import (
    Source,
    Table,
    VectorFileError,
    check_header,
    stack,
)
from kd_keras.vectors.text import ends_in_numbers
from kd_keras.vectors.text_lines import HEADER, LONGEST_LINE

FLUSH_BYTES = 1 << 24


def is_word2vec_binary(head: bytes, promised: bool) -> bool:
    """Returns whether the first bytes of a file may be of this format.

    Args:
        head: bytes. The first bytes of the file.
        promised: bool. Whether the file name promises this format. Few bytes
            may follow the header, or floats that happen to be valid UTF-8; of
            a promised file, only a line of numbers is certainly text.
    """
    first, _, rest = head.partition(b"\n")
    if not HEADER.fullmatch(first):
        return False
    row = rest.partition(b"\n")[0]
    return not promised or not ends_in_numbers(row, len(row.split()) - 1)


def read_word2vec_binary(source: Source) -> Table:
    """Parses word2vec's binary format.

    The file has a header line "N d". Each row is a word, a space and d float32
    numbers.

    Args:
        source: `Source`.

    Returns:
        A `Table`.

    Raises:
        VectorFileError: If the file is truncated or not in this format.

    Example:

    >>> data = b"1 2\\nthe " + np.array([0.5, 1], "<f4").tobytes() + b"\\n"
    >>> source = Source("v.bin", iter([data]), len(data))
    >>> table = read_word2vec_binary(source)
    >>> table.words, table.vectors.tolist()
    (['the'], [[0.5, 1.0]])
    """
    blocks, size = source.blocks, source.size
    buffer = next(blocks)
    start = (buffer.find(b"\n") + 1) or len(buffer)
    N, d = map(int, buffer[:start].split())
    check_header(N, d)
    if 4 * d > LONGEST_LINE:
        raise VectorFileError(
            f"A vector must have at most {LONGEST_LINE // 4} numbers. "
            f"Received: a header that promises {d}"
        )
    if size is not None and N * (4 * d + 2) > size - start:
        raise VectorFileError(
            f"The file is truncated: {N} rows of {d} float32 numbers take at "
            f"least {start + N * (4 * d + 2)} bytes. Received: {size} bytes"
        )
    words: list[str] = []
    rows: list[bytes] = []
    tables: list[np.ndarray] = []

    def flush() -> None:
        if rows:
            flat = np.frombuffer(b"".join(rows), "<f4")
            tables.append(flat.reshape(len(rows), d))
            rows.clear()

    for row in range(N):
        while True:
            space = buffer.find(b" ", start)
            stop = space + 1 + 4 * d
            if space >= 0 and stop <= len(buffer):
                break
            if len(buffer) - start > LONGEST_LINE + 4 * d:
                raise VectorFileError(
                    f"A word must have at most {LONGEST_LINE} bytes. "
                    f"Received: more in row {row}"
                )
            block = next(blocks, None)
            if block is None:
                raise VectorFileError(
                    f"The file is truncated: the header promises {N} rows. "
                    f"Received: {row} complete rows"
                )
            buffer, start = buffer[start:] + block, 0
        # Early releases of word2vec end a row with "\n", later ones do not.
        word = buffer[start:space].lstrip(b"\n")
        try:
            words.append(word.decode("utf-8"))
        except UnicodeDecodeError:
            raise VectorFileError(
                f"Words must be UTF-8. Received: {word[:40]!r} in row {row}"
            ) from None
        rows.append(buffer[space + 1 : stop])
        start = stop
        if len(rows) * 4 * d >= FLUSH_BYTES:
            flush()
    flush()
    rest: bytes | None = buffer[start:]
    while rest is not None:  # read to the end, where gzip checks its checksum
        if rest.strip(b"\n"):
            raise VectorFileError(
                f"The file must end after {N} rows, as the header promises. "
                "Received: more bytes"
            )
        rest = next(blocks, None)
    return Table(words, stack(tables))
