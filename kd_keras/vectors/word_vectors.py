"""Words and their vectors, as they were read from a file."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class WordVectors:
    """Words and their vectors, returned by `read_vectors`.

    Attributes:
        words: N strings, all different, or None if the file has no words.
        vectors: array of float32, shape `(N, d)`, finite. It is a read-only
            memory map if the file is a `.npy` or `.safetensors` file of
            float32. `open_vectors` returns a `MappedRows` for any such file.
        format: str. The format of the file, in words.
        dropped: int. Number of rows left out because their word occurs in an
            earlier row.
        notes: Strings. Warnings about the file, which could be read.
        weights: array of float, shape `(N,)`, or None. How many times the
            error of each vector counts, as in `learn_codes`. It is not read
            from the file.
    """

    words: list[str] | None
    vectors: Any
    format: str
    dropped: int = 0
    notes: tuple[str, ...] = ()
    weights: Any = None
