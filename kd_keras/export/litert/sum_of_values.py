"""Adds up numbers that are looked up by packed codes, inside a graph.

LiteRT looks numbers up one by one, whatever their index is. So the numbers of
several positions are added up first, for all values that these positions have
together:

- if a position has 1, 2, 4 or 8 bits, for those in a byte, which has 256
  values: nothing is unpacked then;
- otherwise for as many as fit 12 bits, which have 4,096 values. These words are
  unpacked in each call.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from kd_keras.codes.checks import code_bits

WORD_BITS = 12
FEWEST_FOR_WORDS = 1024  # symbols: fewer look-ups are not worth the sums


def sum_of_values(values: Any, packed: Any, K: int, D: int) -> Any:
    """Adds up the numbers of each symbol's D values.

    Args:
        values: tensor of float32, shape `(D * K, n)`: n numbers for each value
            of each position.
        packed: tensor of uint8, shape `(ceil(D*b / 8), N)`, b = ceil(log2 K).
            The packed codes, transposed.
        K: int, 2 to 65,536. Number of values of a code position.
        D: int, at least 1. Number of code positions.

    Returns:
        Tensor of float32, shape `(N, n)`.
    """
    bits = word = code_bits(K)
    if 8 % bits == 0:
        word = 8
    elif packed.shape[1] >= FEWEST_FOR_WORDS:
        word = bits * max(1, WORD_BITS // bits)
    columns = _unpack(packed, word, -(-D * bits // word))
    sums = _added_up(tf.reshape(values, [D, K, -1]), bits, word)
    total = 0
    for numbers, column in zip(tf.unstack(sums), columns, strict=True):
        total += tf.gather(numbers, column)
    return total


def _unpack(packed: Any, bits: int, count: int) -> list[Any]:
    """Takes words of up to 16 bits from the bytes that they span.

    Args:
        packed: tensor of uint8, shape `(bytes, N)`.
        bits: int. Bits of a word; the first ones are the lowest.
        count: int. Number of words.

    Returns:
        list of tensors of int32, `(N,)`.
    """
    if bits == 8:
        return tf.unstack(tf.cast(packed, tf.int32))
    # Words begin where a byte does after so many bytes and words. Those at one
    # place between are unpacked together: the file has fewer operators.
    period, places = np.array([bits, 8]) // math.gcd(bits, 8)
    width, N = packed.shape
    groups = -(-width // period)
    # Exact in float32, whose kernels are faster than those of shifts.
    if width < groups * period:  # LiteRT has no PAD of uint8
        packed = tf.cast(packed, tf.float32)
        packed = tf.pad(packed, [[0, groups * period - width], [0, 0]])
    octets = tf.unstack(tf.reshape(packed, [groups, period, N]), axis=1)
    octets = [tf.cast(octet, tf.float32) for octet in octets]
    words = []
    for begin in range(0, places * bits, bits):
        first, shift = divmod(begin, 8)
        spanned = octets[first : (begin + bits - 1) // 8 + 1]
        word = spanned[0]
        for more, octet in enumerate(spanned[1:], 1):
            word += 256.0**more * octet
        if shift:
            word = tf.floor(word * 2.0**-shift)
        if 8 * len(spanned) > shift + bits:
            word -= 2.0**bits * tf.floor(word * 2.0**-bits)
        words.append(tf.unstack(tf.cast(word, tf.int32)))
    return [words[i % places][i // places] for i in range(count)]


def _added_up(values: Any, bits: int, word: int) -> Any:
    """Returns the sums of the values in a word: `(words, 2^word, n)`."""
    D, K, _ = values.shape
    of_a_word = word // bits
    words = -(-D // of_a_word)
    values = tf.pad(
        values, [[0, words * of_a_word - D], [0, 2**bits - K], [0, 0]]
    )
    values = tf.reshape(values, [words, of_a_word, 2**bits, -1])
    # LiteRT takes arrays apart faster by UNPACK than by STRIDED_SLICE.
    sums, *others = tf.unstack(values, axis=1)
    for place, more in enumerate(others, 1):
        # A later value is in the higher bits.
        more = tf.reshape(more, [words, 2**bits, 1, -1])
        sums = more + tf.reshape(sums, [words, 1, 2 ** (bits * place), -1])
        sums = tf.reshape(sums, [words, 2 ** (bits * (place + 1)), -1])
    return sums
