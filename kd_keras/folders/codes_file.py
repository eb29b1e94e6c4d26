"""The file `codes.npz` in a folder: packed codes, their sizes, their tiers.

Arrays: `codes`, the packed codes of all symbols or of the first tier; `codes_1`
and so on for the next tiers that have positions; `ranks`, if the symbols are
not in the order of the tiers; and the numbers N, D and K.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kd_keras.codes.packed_tiers import pack_tiers, unpack_tiers
from kd_keras.codes.packing import unpack_codes
from kd_keras.codes.tiers import Tiers
from kd_keras.utils.row_blocks import row_blocks
from kd_keras.vectors.npz_arrays import array_names, read_arrays

RANKS = "ranks"
CHECKED_ROWS = 1 << 16  # at a time


def write_codes(
    path: Path, codes: np.ndarray, K: int, tiers: Tiers | None = None
) -> int:
    """Writes codes, and checks that they can be read.

    Args:
        path: path of the file.
        codes: array of int, shape `(N, D)`.
        K: int, 2 to 65,536.
        tiers: `Tiers` or None.

    Returns:
        int. Bytes of the packed codes.
    """
    N, D = codes.shape
    tables, ranks = pack_tiers(codes, K, tiers)
    arrays = dict(zip(_names(len(tables)), tables, strict=True))
    if ranks is not None:
        arrays[RANKS] = ranks
    np.savez(path, **arrays, N=N, D=D, K=K)  # type: ignore[arg-type]
    read = read_code_arrays(path, tiers)
    if tiers is None:  # block by block, for a table that fills the memory
        is_right = all(
            np.array_equal(unpack_codes(read["codes"][rows], K, D), codes[rows])
            for rows in row_blocks(N, CHECKED_ROWS)
        )
    else:
        is_right = np.array_equal(codes_in(read, N, K, D, tiers), codes)
    if not is_right:
        raise RuntimeError(f"{path.name} does not contain the model's codes")
    return sum(array.nbytes for array in arrays.values())


def read_code_arrays(
    path: Path, tiers: Tiers | None = None
) -> dict[str, np.ndarray]:
    """Reads the arrays of a file of codes.

    Args:
        path: path of the file.
        tiers: `Tiers` or None.

    Returns:
        dict of arrays by name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or lacks one of the arrays.
    """
    names = _names(1 if tiers is None else sum(D > 0 for D in tiers.D))
    more = [RANKS] if RANKS in array_names(path) else []
    return read_arrays(path, "D", *names, *more)


def codes_in(
    arrays: Mapping[str, np.ndarray],
    N: int,
    K: int,
    D: int,
    tiers: Tiers | None = None,
) -> np.ndarray:
    """Returns the codes in arrays that `read_code_arrays` read.

    Args:
        arrays: dict of arrays by name.
        N, K, D: int. The sizes that the codes must have.
        tiers: `Tiers` or None.

    Returns:
        array of int, shape `(N, D)`.

    Raises:
        ValueError: If the arrays are not N codes of these sizes.
    """
    if arrays["D"].tolist() != D:  # a different D can take as many bytes
        raise ValueError(
            f"must hold the {D:,} positions of report.json. Received: "
            f"{arrays['D'].tolist()}"
        )
    tables = [array for name, array in arrays.items() if name[:5] == "codes"]
    return unpack_tiers(tables, arrays.get(RANKS), N, K, D, tiers)


def _names(tables: int) -> list[str]:
    return ["codes", *(f"codes_{tier}" for tier in range(1, tables))]
