"""Codes of symbols: checking them and drawing them at random.

A symbol has a K-way D-dimensional code, D integers of 0..K-1 (Chen, Min, Sun
2017, section 2.1). Others call K the codebook size and D the number of
codebooks.
"""

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_K = 65_536  # what uint16 holds


def check_kd(K: int, D: int) -> tuple[int, int]:
    """Checks K, the values of a position, and D, the positions of a code.

    Args:
        K: int, 2 to 65536 (others call it the codebook size).
        D: int, at least 1 (others call it the number of codebooks).

    Returns:
        `(K, D)` as Python integers, so that `K**D` cannot overflow.

    Raises:
        ValueError: If one of them is no integer or out of its range.

    Example:

    >>> check_kd(16, 32)
    (16, 32)
    """
    return _check_k(K), _check_int("D", D, "an integer of at least 1", 1)


def code_dtype(K: int) -> np.dtype[Any]:
    """Returns the smallest unsigned dtype of codes: uint8 up to K = 256.

    Args:
        K: int, 2 to 65536.

    Returns:
        The numpy dtype uint8, or uint16 where K > 256.

    Example:

    >>> code_dtype(256), code_dtype(257)
    (dtype('uint8'), dtype('uint16'))
    """
    return np.dtype(np.uint8 if _check_k(K) <= 256 else np.uint16)


def code_bits(K: int) -> int:
    """Returns the bits that hold one value of a code, ceil(log2 K), exactly.

    Args:
        K: int, 2 to 65536.

    Returns:
        An int, 1 to 16.

    Example:

    >>> code_bits(16), code_bits(17), code_bits(65536)
    (4, 5, 16)
    """
    # Not math.log2: integers leave nothing to rounding.
    return (_check_k(K) - 1).bit_length()


def check_codes(
    codes: npt.ArrayLike,
    K: int,
    D: int | None = None,
    input_dim: int | None = None,
) -> np.ndarray:
    """Checks a table of codes and returns it in its compact dtype.

    Args:
        codes: Integers of 0..K-1, shape `(N, D)`. N may be 0.
        K: int, 2 to 65536.
        D: The positions that the codes must have, or None for any.
        input_dim: The rows that there must be, or None for any.

    Returns:
        The codes, shape `(N, D)`, uint8 up to K = 256, else uint16. The array
        that was given where it has this dtype already, not a copy.

    Raises:
        ValueError: If the dtype, the shape or a value is wrong; the first
            wrong value is named with its row and position.

    Example:

    >>> check_codes([[0, 3], [2, 1]], K=4)
    array([[0, 3],
           [2, 1]], dtype=uint8)
    """
    K = _check_k(K)
    try:
        array = np.asarray(codes)
    except ValueError:
        raise ValueError(
            "codes must be a rectangular (N, D) array of integers. Received: "
            f"a {type(codes).__name__} whose rows differ in length"
        ) from None
    if array.ndim != 2 or array.shape[1] < 1:
        raise ValueError(
            "codes must have the shape (N, D), one row of D values per "
            f"symbol. Received: shape={array.shape}"
        )
    if array.dtype.kind not in "iu":  # bool is kind "b", so refused as well
        raise ValueError(
            f"codes must be of an integer dtype. Received: dtype={array.dtype}"
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
            f"codes must be of 0..{K - 1} for K={K}. Received: "
            f"{array[row, position]} in row {row}, position {position}"
        )
    return array.astype(code_dtype(K), copy=False)


def row_keys(codes: np.ndarray) -> np.ndarray:
    """Returns one sortable key per row: equal keys mean equal codes.

    Args:
        codes: Codes, shape `(N, D)`, uint8 or uint16.

    Returns:
        Keys, shape `(N,)`, that sort as the codes do, read from the left:
        big-endian integers, or byte strings where D values need more than 8
        bytes.

    Example:

    >>> row_keys(np.array([[1, 2], [0, 255]], np.uint8)).tolist()
    [258, 255]
    """
    # Big-endian bytes compare as numbers do, first position first.
    rows = codes.astype(codes.dtype.newbyteorder(">"), order="C")
    width = rows.shape[1] * rows.itemsize
    octets = rows.view(np.uint8).reshape(len(rows), width)
    if width > 8:
        return octets.view(np.dtype((np.void, width))).reshape(len(rows))
    padded = np.zeros((len(rows), 8), np.uint8)
    padded[:, 8 - width :] = octets
    return padded.view(">u8").reshape(len(rows)).astype(np.uint64)


def _check_k(K: int) -> int:
    wanted = f"an integer from 2 to {MAX_K}"
    return _check_int("K", K, wanted, 2, MAX_K)


def _check_int(
    name: str, value: Any, wanted: str, low: int, high: int | None = None
) -> int:
    """Returns `value` as a Python int; refuses bools, floats and strings."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if (
        number is None
        or isinstance(value, (bool, np.bool_))
        or number < low
        or (high is not None and number > high)
    ):
        raise ValueError(f"{name} must be {wanted}. Received: {name}={value!r}")
    return number
