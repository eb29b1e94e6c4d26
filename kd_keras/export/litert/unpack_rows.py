"""Packed codes unpacked inside a graph, by ops that every phone has.

LiteRT has no bitwise AND and none of its gathers is narrower than a byte, so
a row is gathered packed and unpacked afterwards: by a look-up of whole bytes
where a value never spans two of them, else by shifts and multiplications of
int32. Either is exact. Unpacking before the gather would let the converter
fold the whole table.
"""

import numpy as np
import tensorflow as tf

from kd_keras.codes.checks import code_bits
from kd_keras.codes.packing import packed_width


def unpack_rows(rows, K, D):
    """Unpacks gathered rows of codes.

    Args:
        rows: uint8 tensor `(n, ceil(D*b / 8))`, rows that `pack_codes` packed.
        K: Integer. Number of values of a code position, b = ceil(log2 K).
        D: Integer. Number of code positions.

    Returns:
        int32 tensor `(n, D)`.
    """
    bits = code_bits(K)
    octets = tf.cast(rows, tf.int32)
    if bits == 8:
        return octets
    if 8 % bits == 0:
        return _look_up(octets, bits, D)
    return _shift(octets, bits, D, packed_width(K, D))


def _look_up(octets, bits, D):
    """Looks up the 8 / b values that each byte holds."""
    places = np.arange(0, 8, bits)
    values = np.arange(256)[:, None] >> places & (2**bits - 1)
    unpacked = tf.gather(tf.constant(values, tf.int32), octets)
    width = octets.shape[1] * len(places)
    unpacked = tf.reshape(unpacked, (-1, width))
    return unpacked if width == D else unpacked[:, :D]


def _shift(octets, bits, D, width):
    """Puts together the bytes that a value spans, up to three of them."""
    start = np.arange(D) * bits
    first, shift = start // 8, start % 8
    value = tf.gather(octets, _int32(first), axis=1)
    for more in range(1, int((shift + bits - 1).max()) // 8 + 1):
        # Past the row's end the last byte again: it is cut off below.
        place = _int32(np.minimum(first + more, width - 1))
        value += tf.gather(octets, place, axis=1) * 256**more
    if shift.any():
        value = tf.bitwise.right_shift(value, _int32(shift[None]))
    if bits == 16:
        return value
    return value - 2**bits * tf.bitwise.right_shift(value, bits)


def _int32(values):
    return tf.constant(values, tf.int32)
