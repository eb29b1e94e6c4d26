"""Reading a table from a `.safetensors` file.

The file has the length of its header in 8 bytes, the header as JSON, and the
numbers: https://huggingface.co/docs/safetensors. It may come from a stranger:
nothing is unpickled, or allocated that the file cannot hold.
"""

import json
import math
import os
import re
from typing import IO, Any, NamedTuple

import ml_dtypes
import numpy as np

from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.table import Source, Table, VectorFileError, clipped

DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}
LONGEST = 25 << 20  # bytes of a header; large models have less than one
SHOWN = 12  # names in a message
_START = re.compile(rb".{3}[\0-\3]\0{4}\s*\{\s*[\"}]", re.DOTALL)


class Tensor(NamedTuple):
    """What the header says of a tensor.

    Attributes:
        kind: str. The name of the dtype in the file, such as "BF16".
        shape: Tuple of int.
        start: int. Where its numbers begin in the file.
    """

    kind: str
    shape: tuple[int, ...]
    start: int

    @property
    def dtype(self) -> np.dtype:
        """The dtype of a table."""
        return DTYPES[self.kind]


def is_safetensors(head: bytes, promised: bool = False) -> bool:
    """Returns whether the first bytes are those of a `.safetensors` file."""
    return _START.match(head) is not None


def read_safetensors(source: Source) -> Table:
    """Opens a tensor of a `.safetensors` file as a memory map.

    Args:
        source: `Source`. Its path and the name of the tensor are used.

    Returns:
        A `Table` without words, whose vectors are a `MappedRows`.

    Raises:
        VectorFileError: If the file is truncated or damaged, there is no such
            tensor, or it is no float table of rank 2.
    """
    with open(source.path, "rb") as file:
        table = table_of(file, source.tensor)
        if 0 in table.shape:  # cannot be mapped; the caller refuses it
            return Table(None, np.empty(table.shape, np.float32))
        array = np.memmap(file, table.dtype, "r", table.start, table.shape)
    return Table(None, MappedRows(array))


def table_of(file: IO[bytes], name: str | None) -> Tensor:
    """Finds the table in a file: the tensor of a name, or the only one.

    Args:
        file: File, at its start.
        name: str or None.

    Returns:
        `Tensor` of rank 2.

    Raises:
        VectorFileError: As `read_safetensors`.
    """
    tensors = read_header(file)
    return tensors[_chosen(tensors, name)]


def read_header(file: IO[bytes]) -> dict[str, Tensor]:
    """Reads and checks the header of a `.safetensors` file.

    Args:
        file: File, at its start.

    Returns:
        dict of `Tensor` by name.

    Raises:
        VectorFileError: If it is truncated or damaged.
    """
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(LONGEST, size - 8):
        raise _damaged(f"a header of {length:,} bytes in a file of {size:,}")
    try:
        header = json.loads(file.read(length).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(f"a header that is no JSON: {clipped(error)}") from None
    if not isinstance(header, dict):
        raise _damaged("a header without names")
    first = 8 + length
    return {
        name: _tensor(name, told, first, size)
        for name, told in header.items()
        if name != "__metadata__"
    }


def _tensor(name: str, told: Any, first: int, size: int) -> Tensor:
    told = told if isinstance(told, dict) else {}
    kind, shape = told.get("dtype"), told.get("shape")
    offsets = told.get("data_offsets")
    if not (
        isinstance(kind, str)
        and _are_sizes(shape)
        and _are_sizes(offsets)
        and len(offsets) == 2
    ):
        raise _damaged(f"the tensor {clipped(name)} without a place and shape")
    start, end = (first + x for x in offsets)
    known = DTYPES.get(kind)
    if start > end or (
        known is not None and end - start != math.prod(shape) * known.itemsize
    ):
        raise _damaged(
            f"the tensor {clipped(name)} of shape {clipped(tuple(shape))} in "
            f"bytes {start:,} to {end:,}"
        )
    if end > size:
        raise VectorFileError(
            f"The file is truncated: the tensor {clipped(name)} ends at byte "
            f"{end:,}. Received: {size:,} bytes"
        )
    return Tensor(kind, tuple(shape), start)


def _are_sizes(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= 32
        and all(type(x) is int and 0 <= x < 1 << 60 for x in values)
    )


def _chosen(tensors: dict[str, Tensor], name: str | None) -> str:
    """Returns the name of the table: the one that is wanted, or the only."""
    tables = [x for x, t in tensors.items() if _is_table(t)]
    if name is None:
        if len(tables) == 1:
            return tables[0]
        raise VectorFileError(
            "A .safetensors file with several tables needs the name of one, "
            f"tensor= (--tensor). Received: {_names(tables) or 'no tables'}"
        )
    if name not in tensors:
        raise VectorFileError(
            f"There must be a tensor {clipped(name)}. Received: a file with "
            f"{_names(tables) or 'no tables'}"
        )
    if name not in tables:
        found = tensors[name]
        raise VectorFileError(
            f"The tensor {clipped(name)} must have rank 2 and dtype "
            f"{', '.join(DTYPES)}. Received: dtype={found.kind[:20]}, "
            f"shape={clipped(found.shape)}"
        )
    return name


def _is_table(tensor: Tensor) -> bool:
    return len(tensor.shape) == 2 and tensor.kind in DTYPES


def _names(names: list[str]) -> str:
    """Shows the names of tables, the first of many."""
    shown = ", ".join(clipped(x, 60) for x in names[:SHOWN])
    more = len(names) - SHOWN
    return shown if more <= 0 else f"{shown} and {more:,} others"


def _damaged(what: str) -> VectorFileError:
    return VectorFileError(
        "The file must be a complete .safetensors file. Received: " + what
    )
