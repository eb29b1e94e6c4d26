"""Finds codes of many rows, block by block, and may keep each block's."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from kd_keras.search import shards
from kd_keras.utils.cores import usable_cores
from kd_keras.utils.progress_bar import Progress
from kd_keras.utils.row_blocks import Rows, row_blocks

# Blocks that are encoded at a time. Each uses several cores, but not all the
# time; its scratch space is 30 MB at d = 64, or five times that where products
# are looked up (`sweeps`).
MOST_AT_A_TIME = 4

# From a block of vectors to its codes and their mean squared error.
EncodeBlock = Callable[[np.ndarray], tuple[np.ndarray, float]]


class KeptBlocks(Protocol):
    """Where the codes of blocks are kept in case that the work is stopped."""

    def read(self, rows: slice) -> np.ndarray | None: ...

    def write(self, rows: slice, codes: np.ndarray) -> None: ...


def encode_rows(
    encode_block: EncodeBlock,
    vectors: Rows,
    rows: slice = slice(None),
    kept: KeptBlocks | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Finds the codes of rows of a table, a block at a time.

    Args:
        encode_block: From float32 vectors `(M, d)` to codes `(M, D)` and
            their mean squared error.
        vectors: Table of shape `(N, d)`; memory does not grow with N.
        rows: slice, those to encode. It begins at a multiple of
            `shards.ENCODED_ROWS` rows, that of a block.
        kept: A `KeptBlocks`. Blocks that it has are read, others written.
        progress: Called with (share done, mean error of the blocks encoded).

    Returns:
        Codes, shape `(rows, D)`.
    """
    begin, end, _ = rows.indices(vectors.shape[0])
    blocks = list(row_blocks(end, shards.ENCODED_ROWS, begin))

    def codes_of(block: slice) -> tuple[np.ndarray, float | None]:
        codes = kept.read(block) if kept is not None else None
        if codes is not None:
            return codes, None
        codes, error = encode_block(np.asarray(vectors[block], np.float32))
        if kept is not None:
            kept.write(block, codes)
        return codes, error

    at_a_time = min(usable_cores() // 2, MOST_AT_A_TIME, len(blocks))
    codes: np.ndarray | None = None
    total, encoded = 0.0, 0
    with contextlib.ExitStack() as stack:
        # In this thread if one at a time: Ctrl-C then ends it at once.
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
    assert codes is not None  # a table has rows
    return codes
