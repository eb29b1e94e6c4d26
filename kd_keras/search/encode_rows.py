"""Finds the codes of many rows block by block, and may save each block."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from kd_keras.search import shards
from kd_keras.utils.cores import usable_cores
from kd_keras.utils.progress_bar import Progress
from kd_keras.utils.row_blocks import Rows, row_blocks

# Number of blocks that are encoded at the same time. Each uses several cores,
# but not always; its scratch space is 30 MB at d = 64, or five times that if
# products are looked up (see `methods.sweeps`).
MOST_AT_A_TIME = 4

# Function from a block of vectors, and from the lengths of their codes if these
# are not all D, to its codes and their mean squared error.
EncodeBlock = Callable[..., tuple[np.ndarray, float]]


class KeptBlocks(Protocol):
    """A store of the codes of blocks, in case the work is interrupted."""

    def read(self, rows: slice) -> np.ndarray | None: ...

    def write(self, rows: slice, codes: np.ndarray) -> None: ...


def encode_rows(
    encode_block: EncodeBlock,
    vectors: Rows,
    rows: slice = slice(None),
    kept: KeptBlocks | None = None,
    progress: Progress | None = None,
    lengths: np.ndarray | None = None,
) -> np.ndarray:
    """Finds the codes of rows of a table, block by block.

    Args:
        encode_block: Function from vectors, array of float32, shape `(M, d)`,
            to their codes, shape `(M, D)`, and the mean squared error.
        vectors: table of float, shape `(N, d)`. It is read block by block.
        rows: slice. The rows to encode. It must begin at a multiple of
            `shards.ENCODED_ROWS`, so that blocks are those of the whole table.
        kept: `KeptBlocks` or None. Blocks that it has are read from it; other
            blocks are encoded and written to it.
        progress: callable or None. Called with the fraction done and the mean
            error of the blocks encoded so far.
        lengths: array of int, shape `(N,)`, or None. See `encode_additive`.

    Returns:
        Array of int, shape `(n, D)`, for the n rows of the slice.
    """
    begin, end, _ = rows.indices(vectors.shape[0])
    blocks = list(row_blocks(end, shards.ENCODED_ROWS, begin))

    def codes_of(block: slice) -> tuple[np.ndarray, float | None]:
        codes = kept.read(block) if kept is not None else None
        if codes is not None:
            return codes, None
        short = () if lengths is None else (lengths[block],)
        part = np.asarray(vectors[block], np.float32)
        codes, error = encode_block(part, *short)
        if kept is not None:
            kept.write(block, codes)
        return codes, error

    at_a_time = min(usable_cores() // 2, MOST_AT_A_TIME, len(blocks))
    codes: np.ndarray | None = None
    total, encoded = 0.0, 0
    with contextlib.ExitStack() as stack:
        # If one block at a time, in this thread: Ctrl-C then stops it at once.
        found: Iterator[tuple[np.ndarray, float | None]]
        found = map(codes_of, blocks)
        if at_a_time > 1:
            workers = ThreadPoolExecutor(at_a_time)
            stack.callback(workers.shutdown, cancel_futures=True)
            found = workers.map(codes_of, blocks)
        for block, (some, error) in zip(blocks, found, strict=True):
            if codes is None:
                codes = np.empty((end - begin, some.shape[1]), some.dtype)
            codes[block.start - begin : block.stop - begin] = some
            if error is not None:
                total += error * len(some)
                encoded += len(some)
            if progress is not None:
                done = (block.stop - begin) / (end - begin)
                progress(done, total / max(encoded, 1))
    assert codes is not None  # a table has at least one row
    return codes
