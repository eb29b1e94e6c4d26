"""Code embeddings as int8, with their scales."""

from typing import NamedTuple

import numpy as np

from kd_keras.codes.int8_scales import has_row_scales

MOST = 127  # the largest number that is stored


class RoundedRows(NamedTuple):
    """Code embeddings as int8.

    The code embedding in row r, of position j, is
    `numbers[r] * position_scales[j] * row_scales[r]`, without the last factor
    if there are no scales of rows.

    Attributes:
        numbers: array of int8, shape `(D * K, d')`.
        position_scales: array of float32, shape `(D,)`.
        row_scales: array of uint8, shape `(D * K,)`, or None.
    """

    numbers: np.ndarray
    position_scales: np.ndarray
    row_scales: np.ndarray | None


def round_rows(table: np.ndarray) -> RoundedRows:
    """Rounds code embeddings to int8.

    Some code embeddings are many times as long as the others of their
    position, since only a few unusual symbols have them. With one scale for a
    position, they would make the steps of all others coarse. So long code
    embeddings have a scale each, in a byte; in short ones it would take too
    many bytes.

    Args:
        table: array of float32, shape `(D, K, d')`.

    Returns:
        A `RoundedRows`.
    """
    D, K, code_dim = table.shape
    largest = np.abs(table).max(axis=2, keepdims=True)
    has_rows = has_row_scales(code_dim)
    most = MOST * 255 if has_rows else MOST
    scales = largest.max(axis=1, keepdims=True) / np.float32(most)
    # LiteRT takes smaller numbers for 0.
    scales = np.maximum(scales, np.finfo(np.float32).tiny)
    rows = np.ones_like(largest)
    if has_rows:
        # Rounded up, so that no number is larger than `MOST`.
        rows = np.clip(np.ceil(largest / (MOST * scales)), 1, 255)
    numbers = np.round(table / (rows * scales)).clip(-MOST, MOST)
    return RoundedRows(
        numbers.astype(np.int8).reshape(D * K, code_dim),
        scales.reshape(D),
        rows.astype(np.uint8).reshape(D * K) if has_rows else None,
    )
