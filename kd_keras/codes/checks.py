"""Checks of codes.

A symbol has a K-way D-dimensional code: D integers from 0 to K-1 (Chen, Min
and Sun, 2017, section 2.1).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kd_keras.utils.checks import check_integer, plain_array

AT_LEAST_1 = "an integer of at least 1"
MAX_K = 65_536  # the number of values of uint16


def check_kd(K: int, D: int) -> tuple[int, int]:
    """Checks K, the number of values, and D, the number of positions.

    Args:
        K: int, 2 to 65536. Number of values that a position can have.
        D: int, at least 1. Number of positions of a code.

    Returns:
        `(K, D)` as Python integers, so that `K**D` cannot overflow.

    Raises:
        ValueError: If one of them is not an integer or is out of its range.

    Example:

    >>> check_kd(16, 32)
    (16, 32)
    """
    return _check_k(K), check_integer("D", D, AT_LEAST_1)


def code_dtype(K: int) -> np.dtype[Any]:
    """Returns the smallest unsigned dtype that holds the values of codes.

    Args:
        K: int, 2 to 65536.

    Returns:
        The numpy dtype uint8 if K is at most 256, else uint16.

    Example:

    >>> code_dtype(256), code_dtype(257)
    (dtype('uint8'), dtype('uint16'))
    """
    return np.dtype(np.uint8 if _check_k(K) <= 256 else np.uint16)


def code_bits(K: int) -> int:
    """Returns the number of bits that hold one value, ceil(log2 K).

    Args:
        K: int, 2 to 65536.

    Returns:
        An int, 1 to 16.

    Example:

    >>> code_bits(16), code_bits(17), code_bits(65536)
    (4, 5, 16)
    """
    # Not math.log2, whose result is rounded: integer arithmetic is exact.
    return (_check_k(K) - 1).bit_length()


def check_codes(
    codes: npt.ArrayLike,
    K: int,
    D: int | None = None,
    input_dim: int | None = None,
) -> np.ndarray:
    """Checks a table of codes and returns it in its compact dtype.

    Args:
        codes: array of int, 0 to K-1, shape `(N, D)`. N may be 0.
        K: int, 2 to 65536.
        D: int or None. Number of positions that the codes must have; None
            allows any.
        input_dim: int or None. Number of rows that there must be; None allows
            any.

    Returns:
        The codes, shape `(N, D)`, uint8 if K is at most 256, else uint16. If
        `codes` already has this dtype, it is returned without a copy.

    Raises:
        ValueError: If the dtype, the shape or a value is wrong. The message
            names the row and position of the first wrong value.

    Example:

    >>> check_codes([[0, 3], [2, 1]], K=4)
    array([[0, 3],
           [2, 1]], dtype=uint8)
    """
    K = _check_k(K)
    array = plain_array(
        "codes", codes, "a rectangular (N, D) array of integers"
    )
    if array.ndim != 2 or array.shape[1] < 1:
        raise ValueError(
            "codes must have the shape (N, D), one row of D values per "
            f"symbol. Received: shape={array.shape}"
        )
    if array.dtype.kind not in "iu":  # bool is kind "b", so refused as well
        raise ValueError(
            f"codes must have an integer dtype. Received: dtype={array.dtype}"
        )
    if D is not None and array.shape[1] != check_kd(K, D)[1]:
        raise ValueError(
            f"codes must have D={D} positions. Received: shape={array.shape}"
        )
    if input_dim is not None and array.shape[0] != input_dim:
        raise ValueError(
            f"codes must have input_dim={input_dim} rows. "
            f"Received: shape={array.shape}"
        )
    if array.size and not 0 <= array.min() <= array.max() < K:
        row, position = np.argwhere((array < 0) | (array >= K))[0]
        raise ValueError(
            f"codes must be from 0 to {K - 1} for K={K}. Received: "
            f"{array[row, position]} in row {row}, position {position}"
        )
    return array.astype(code_dtype(K), copy=False)


def row_keys(codes: np.ndarray) -> np.ndarray:
    """Returns one sortable key per row; equal keys mean equal codes.

    Args:
        codes: array of uint8 or uint16, shape `(N, D)`.

    Returns:
        Keys, shape `(N,)`, in the lexicographic order of the codes: integers,
        or byte strings if D values need more than 8 bytes.

    Example:

    >>> row_keys(np.array([[1, 2], [0, 255]], np.uint8)).tolist()
    [258, 255]
    """
    # Big-endian bytes sort in the order of the numbers, first position first.
    rows = codes.astype(codes.dtype.newbyteorder(">"), order="C")
    width = rows.shape[1] * rows.itemsize
    octets = rows.view(np.uint8).reshape(len(rows), width)
    if width > 8:
        return octets.view(np.dtype((np.void, width))).reshape(len(rows))
    padded = np.zeros((len(rows), 8), np.uint8)
    padded[:, 8 - width :] = octets
    return padded.view(">u8").reshape(len(rows)).astype(np.uint64)


def _check_k(K: int) -> int:
    """Checks K and returns it as a Python int."""
    wanted = f"an integer from 2 to {MAX_K}"
    return check_integer("K", K, wanted, 2, MAX_K)
