"""Codes packed to as few bits per row as their values need.

The form of codes in every file that ships. A row is a stream of bits: value j
lies in the bits j*b..j*b+b-1, b = ceil(log2 K), lowest bit first; bit 0 is the
lowest bit of byte 0; zero bits fill the last byte. So any row can be gathered
by itself. N * ceil(D*b / 8) bytes hold what is N * D * log2 K bits of
information (Chen, Min, Sun 2017, section 2.1). Others call K the codebook size
and D the number of codebooks.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from kd_keras.codes.checks import check_codes, check_kd, code_bits, code_dtype

# Bits stand as one byte each while a block of rows is worked on.
BLOCK_BITS = 1 << 22


def packed_width(K: int, D: int) -> int:
    """Returns the bytes of one packed row, ceil(D*b / 8).

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
        codes: Integers of 0..K-1, shape `(N, D)`. N may be 0.
        K: int, 2 to 65536.

    Returns:
        Packed rows, shape `(N, ceil(D*b / 8))`, uint8.

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
        # The lowest `bits` of each value, then all of a row side by side.
        stream = np.unpackbits(octets, axis=2, count=bits, bitorder="little")
        packed[rows] = np.packbits(
            stream.reshape(len(block), D * bits), axis=1, bitorder="little"
        )
    return packed


def unpack_codes(packed: npt.ArrayLike, K: int, D: int) -> np.ndarray:
    """Unpacks what `pack_codes` packed, and checks that it can have done so.

    Args:
        packed: Packed rows, shape `(N, ceil(D*b / 8))`, uint8. N may be 0.
        K: int, 2 to 65536.
        D: int, at least 1.

    Returns:
        Codes, shape `(N, D)`, uint8 up to K = 256, else uint16.

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
    array = np.asarray(packed)
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
                f"{8 * width - D * bits} zero bits. Received: other bits in "
                f"row {rows.start + int(wrong.argmax())}"
            )
        values = stream[:, : D * bits].reshape(len(stream), D, bits)
        octets = np.packbits(values, axis=2, bitorder="little")
        block = octets.view("<u2" if octets.shape[2] == 2 else "u1")
        codes[rows] = block.reshape(len(stream), D)
        if codes[rows].max() >= K:
            row, position = np.argwhere(codes[rows] >= K)[0]
            raise ValueError(
                f"Packed codes must hold values of 0..{K - 1} for K={K}. "
                f"Received: {codes[rows][row, position]} in row "
                f"{rows.start + row}, position {position}"
            )
    return codes


def _blocks(N: int, bits_per_row: int) -> Iterator[slice]:
    step = max(1, BLOCK_BITS // bits_per_row)
    for start in range(0, N, step):
        yield slice(start, min(start + step, N))
