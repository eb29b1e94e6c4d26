"""Adds up numbers that are looked up by packed codes, inside a graph.

LiteRT needs about as long for a byte of a code as for a whole code position.
So the numbers of several positions are added up first, for all values that
these positions have together:

- if a position has 1, 2, 4 or 8 bits, for those in a byte, which has 256
  values: nothing is unpacked then;
- if it has 3, 6 or 12 bits, for those in 12 bits, which have 4,096 values:
  three bytes hold two such words, which few operations take apart. With few
  symbols that costs more than it saves, so other codes are unpacked.
"""

from typing import Any

import tensorflow as tf

from kd_keras.codes.checks import code_bits
from kd_keras.export.litert.unpack_rows import unpack_rows

WORD_BITS = 12
FEWEST_FOR_WORDS = 4096  # symbols


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
    if 8 % bits == 0:
        columns = _columns(packed)
        values = _added_up(values, bits, 8)
    elif WORD_BITS % bits == 0 and packed.shape[0] >= FEWEST_FOR_WORDS:
        columns = _words(_columns(packed), -(-D * bits // WORD_BITS))
        values = _added_up(values, bits, WORD_BITS)
    else:
        columns = _columns(unpack_rows(packed, K, D))
    total = 0
    for numbers, column in zip(tf.unstack(values), columns, strict=True):
        total += tf.gather(numbers, column)
    return total


def _columns(rows: Any) -> list[Any]:
    """Returns the columns of an array `(N, n)`, each int32 `(N,)`."""
    # LiteRT takes arrays apart much faster at the first axis, and faster by
    # UNPACK than by STRIDED_SLICE.
    columns = tf.unstack(tf.transpose(rows))
    return [tf.cast(column, tf.int32) for column in columns]


def _words(octets: list[Any], count: int) -> list[Any]:
    """Joins bytes to words of 12 bits, two from three bytes."""
    words: list[Any] = []
    for place in range(0, len(octets), 3):
        low, middle, high = (*octets[place : place + 3], 0, 0)[:3]
        upper = 0
        if place + 1 < len(octets):
            upper = tf.bitwise.right_shift(middle, 4)
            low += 256 * (middle - 16 * upper)
        words.append(low)
        if place + 2 < len(octets):
            upper += 16 * high
        words.append(upper)
    return words[:count]


def _added_up(values: Any, bits: int, word: int) -> Any:
    """Returns the sums of the values in a word: `(words, 2^word, n)`."""
    D, K, _ = values.shape
    of_a_word = word // bits
    words = -(-D // of_a_word)
    values = tf.pad(
        values, [[0, words * of_a_word - D], [0, 2**bits - K], [0, 0]]
    )
    values = tf.reshape(values, [words, of_a_word, 2**bits, -1])
    sums = values[:, 0]
    for place in range(1, of_a_word):
        # A later value is in the higher bits.
        sums = values[:, place, :, None] + sums[:, None]
        sums = tf.reshape(sums, [words, 2 ** (bits * (place + 1)), -1])
    return sums
