"""Adds up numbers that are looked up by packed codes, inside a graph.

LiteRT needs about as long for a byte of a code as for a whole code position.
So if K is 2, 4 or 16, the numbers of the positions that share a byte are added
up first, for all 256 values of the byte: nothing is unpacked then.
"""

from typing import Any

import tensorflow as tf

from kd_keras.codes.checks import code_bits
from kd_keras.export.litert.unpack_rows import unpack_rows


def sum_of_values(values: Any, packed: Any, K: int, D: int) -> Any:
    """Adds up the numbers of each symbol's D values.

    Args:
        values: tensor of float32, shape `(D * K, n)`: n numbers for each value
            of each position.
        packed: tensor of uint8, shape `(N, ceil(D*b / 8))`, b = ceil(log2 K).
            The packed codes.
        K: int, 2 to 65,536. Number of values of a code position.
        D: int, at least 1. Number of code positions.

    Returns:
        Tensor of float32, shape `(N, n)`.
    """
    bits = code_bits(K)
    values = tf.reshape(values, [D, K, -1])
    places = packed
    if 8 % bits:
        places = unpack_rows(packed, K, D)
    else:
        values = _of_bytes(values, bits, packed.shape[1])
    # LiteRT takes arrays apart much faster at the first axis, and faster by
    # UNPACK than by STRIDED_SLICE.
    total = 0
    for numbers, column in zip(
        tf.unstack(values), tf.unstack(tf.transpose(places)), strict=True
    ):
        total += tf.gather(numbers, tf.cast(column, tf.int32))
    return total


def _of_bytes(values: Any, bits: int, width: int) -> Any:
    """Returns the sums of the values in a byte, `(width, 2^8, n)`."""
    D, K, _ = values.shape
    of_a_byte = 8 // bits
    values = tf.pad(
        values, [[0, width * of_a_byte - D], [0, 2**bits - K], [0, 0]]
    )
    values = tf.reshape(values, [width, of_a_byte, 2**bits, -1])
    sums = values[:, 0]
    for place in range(1, of_a_byte):
        # A later value is in the higher bits.
        sums = values[:, place, :, None] + sums[:, None]
        sums = tf.reshape(sums, [width, 2 ** (bits * (place + 1)), -1])
    return sums
