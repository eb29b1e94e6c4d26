"""Unpacks codes inside a graph, with ops that every device supports.

LiteRT has no bitwise AND, and it cannot gather elements smaller than a byte.
So a packed row is gathered first and unpacked afterwards: by looking up whole
bytes if no value spans two bytes, otherwise by shifts and multiplications of
int32. Both are exact. If codes were unpacked before the gather, the converter
would fold the whole table.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from kd_keras.codes.checks import code_bits
from kd_keras.codes.packing import packed_width


def unpack_rows(rows: Any, K: int, D: int) -> Any:
    """Unpacks gathered rows of codes.

    Args:
        rows: tensor of uint8, shape `(n, ceil(D*b / 8))`, b = ceil(log2 K).
            Rows that `pack_codes` packed.
        K: int, 2 to 65,536. Number of values of a code position.
        D: int, at least 1. Number of code positions.

    Returns:
        Tensor of int32, shape `(n, D)`.
    """
    bits = code_bits(K)
    octets = tf.cast(rows, tf.int32)
    if bits == 8:
        return octets
    if 8 % bits == 0:
        return _look_up(octets, bits, D)
    return _shift(octets, bits, D, packed_width(K, D))


def _look_up(octets: Any, bits: int, D: int) -> Any:
    """Looks up the 8 / b values in each byte."""
    places = np.arange(0, 8, bits)
    values = np.arange(256)[:, None] >> places & (2**bits - 1)
    unpacked = tf.gather(tf.constant(values, tf.int32), octets)
    width = octets.shape[1] * len(places)
    unpacked = tf.reshape(unpacked, (-1, width))
    return unpacked if width == D else unpacked[:, :D]


def _shift(octets: Any, bits: int, D: int, width: int) -> Any:
    """Joins the bytes that a value spans, up to three."""
    start = np.arange(D) * bits
    first, shift = start // 8, start % 8
    value = tf.gather(octets, _int32(first), axis=1)
    for more in range(1, int((shift + bits - 1).max()) // 8 + 1):
        # Beyond the row's end, its last byte again: it is cut off below.
        place = _int32(np.minimum(first + more, width - 1))
        value += tf.gather(octets, place, axis=1) * 256**more
    if shift.any():
        value = tf.bitwise.right_shift(value, _int32(shift[None]))
    if bits == 16:
        return value
    return value - 2**bits * tf.bitwise.right_shift(value, bits)


def _int32(values: Any) -> Any:
    return tf.constant(values, tf.int32)
