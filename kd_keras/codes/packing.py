"""Packing of codes to b = ceil(log2 K) bits per value.

Every exported file stores codes in this form. A row is a stream of bits: value
j is in bits j*b to j*b+b-1, lowest bit first. Bit 0 is the lowest bit of byte
0. Zero bits fill the last byte, so each row can be read by itself. N codes take
N * ceil(D*b / 8) bytes and hold N * D * log2 K bits of information (Chen, Min
and Sun, 2017, section 2.1).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from kd_keras.codes.checks import check_codes, check_kd, code_bits, code_dtype
from kd_keras.utils.checks import plain_array

# Bits in a block of rows; each takes one byte while the block is processed.
BLOCK_BITS = 1 << 22


def packed_width(K: int, D: int) -> int:
    """Returns the number of bytes of one packed row, ceil(D*b / 8).

    Args:
        K: int, 2 to 65536.
        D: int, at least 1.

    Returns:
        An int.

    Example:

    >>> packed_width(K=16, D=32), packed_width(K=50, D=10)
    (16, 8)
    """
    K, D = check_kd(K, D)
    return (D * code_bits(K) + 7) // 8


def pack_codes(codes: npt.ArrayLike, K: int) -> np.ndarray:
    """Packs codes to b = ceil(log2 K) bits per value.

    Args:
        codes: array of int, 0 to K-1, shape `(N, D)`. N may be 0.
        K: int, 2 to 65536.

    Returns:
        The packed rows, shape `(N, ceil(D*b / 8))`, uint8.

    Raises:
        ValueError: If the codes are not valid for K.

    Example:

    >>> packed = pack_codes([[1, 2, 15], [0, 0, 3]], K=16)
    >>> [[hex(byte) for byte in row] for row in packed]
    [['0x21', '0xf'], ['0x0', '0x3']]
    """
    codes = check_codes(codes, K)
    N, D = codes.shape
    bits = code_bits(K)
    packed = np.empty((N, packed_width(K, D)), np.uint8)
    little_endian = codes.dtype.newbyteorder("<")
    for rows in _blocks(N, D * bits):
        block = codes[rows].astype(little_endian, order="C")
        octets = block.view(np.uint8).reshape(len(block), D, -1)
        # The lowest `bits` of each value, then all values of a row together.
        stream = np.unpackbits(octets, axis=2, count=bits, bitorder="little")
        packed[rows] = np.packbits(
            stream.reshape(len(block), D * bits), axis=1, bitorder="little"
        )
    return packed


def unpack_codes(packed: npt.ArrayLike, K: int, D: int) -> np.ndarray:
    """Unpacks codes that `pack_codes` packed, and checks that they are valid.

    Args:
        packed: array of uint8, shape `(N, ceil(D*b / 8))`. N may be 0.
        K: int, 2 to 65536.
        D: int, at least 1.

    Returns:
        The codes, shape `(N, D)`, uint8 if K is at most 256, else uint16.

    Raises:
        ValueError: If the dtype or the width is wrong, a value is K or more,
            or a bit that fills the last byte is not zero.

    Example:

    >>> unpack_codes(pack_codes([[1, 2, 15], [0, 0, 3]], K=16), K=16, D=3)
    array([[ 1,  2, 15],
           [ 0,  0,  3]], dtype=uint8)
    """
    K, D = check_kd(K, D)
    bits, width = code_bits(K), packed_width(K, D)
    array = plain_array("packed", packed)
    if array.dtype != np.uint8:
        raise ValueError(
            f"Packed codes must be uint8. Received: dtype={array.dtype}"
        )
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(
            f"Packed codes of K={K}, D={D} must have the shape (N, {width}), "
            f"ceil({D} * {bits} / 8) bytes per row. "
            f"Received: shape={array.shape}"
        )
    codes = np.empty((len(array), D), code_dtype(K))
    for rows in _blocks(len(array), 8 * width):
        stream = np.unpackbits(array[rows], axis=1, bitorder="little")
        wrong = stream[:, D * bits :].any(axis=1)
        if wrong.any():
            raise ValueError(
                f"Packed codes of K={K}, D={D} must end in "
                f"{8 * width - D * bits} zero bits. Received: nonzero bits in "
                f"row {rows.start + int(wrong.argmax())}"
            )
        values = stream[:, : D * bits].reshape(len(stream), D, bits)
        octets = np.packbits(values, axis=2, bitorder="little")
        block = octets.view("<u2" if octets.shape[2] == 2 else "u1")
        codes[rows] = block.reshape(len(stream), D)
        if codes[rows].max() >= K:
            row, position = np.argwhere(codes[rows] >= K)[0]
            raise ValueError(
                f"Packed codes must hold values from 0 to {K - 1} for K={K}. "
                f"Received: {codes[rows][row, position]} in row "
                f"{rows.start + row}, position {position}"
            )
    return codes


def _blocks(N: int, bits_per_row: int) -> Iterator[slice]:
    """Yields blocks of rows of at most `BLOCK_BITS` bits, or of one row."""
    step = max(1, BLOCK_BITS // bits_per_row)
    for start in range(0, N, step):
        yield slice(start, min(start + step, N))
