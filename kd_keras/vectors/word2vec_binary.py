"""word2vec's binary format."""

from collections.abc import Iterator

import numpy as np

from kd_keras.vectors.table import Table, VectorFileError, check_header, stack

FLUSH_BYTES = 1 << 24


def read_word2vec_binary(blocks: Iterator[bytes], size: int | None) -> Table:
    """Parses word2vec's binary format: "N d", then word, space, d float32.

    Args:
        blocks: The file from its start, cut anywhere.
        size: Its bytes, None where that is not known.

    Returns:
        A `Table`.

    Raises:
        VectorFileError: If the file is cut or otherwise not of this format.

    Example:

    >>> data = b"1 2\\nthe " + np.array([0.5, 1], "<f4").tobytes() + b"\\n"
    >>> table = read_word2vec_binary(iter([data]), len(data))
    >>> table.words, table.vectors.tolist()
    (['the'], [[0.5, 1.0]])
    """
    buffer = next(blocks)
    start = (buffer.find(b"\n") + 1) or len(buffer)
    N, d = map(int, buffer[:start].split())
    check_header(N, d)
    if size is not None and N * (4 * d + 2) > size - start:
        raise VectorFileError(
            f"The file is cut: {N} rows of {d} float32 take at least "
            f"{start + N * (4 * d + 2)} bytes. Received: {size} bytes"
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
            block = next(blocks, None)
            if block is None:
                raise VectorFileError(
                    f"The file is cut: the header promises {N} rows. "
                    f"Received: {row} whole rows"
                )
            buffer, start = buffer[start:] + block, 0
        # The first releases of word2vec end a row with "\n", later ones not.
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
    while rest is not None:  # to the end, where gzip checks its sum
        if rest.strip(b"\n"):
            raise VectorFileError(
                f"The header promises {N} rows. Received: more bytes after them"
            )
        rest = next(blocks, None)
    return Table(words, stack(tables))
