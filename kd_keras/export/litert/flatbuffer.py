"""The contents of a `.tflite` file: its tensors, operators and buffers."""

import dataclasses
import os
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from kd_keras.export.litert.archive import MAGIC
from kd_keras.export.litert.verify_flatbuffer import verify_flatbuffer
from kd_keras.utils.errors import BadInputError

# Bits per element of each type.
_BITS = {
    "FLOAT32": 32, "FLOAT16": 16, "INT32": 32, "UINT8": 8, "INT64": 64,
    "BOOL": 8, "INT16": 16, "INT8": 8, "FLOAT64": 64, "UINT32": 32,
    "UINT16": 16, "UINT64": 64, "INT4": 4, "BFLOAT16": 16, "COMPLEX64": 64,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a subgraph. Its `buffer` has content if it is constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    buffer: int
    scales: np.ndarray | None
    axis: int

    @property
    def bytes(self) -> int:
        """Size of the tensor in bytes, with dynamic sizes counted as 1."""
        elements = int(np.prod([max(s, 1) for s in self.shape], dtype=np.int64))
        return -(-elements * _BITS.get(self.dtype, 32) // 8)


@dataclasses.dataclass(frozen=True)
class Operator:
    """An operator of a subgraph: its name, and the indices of its tensors."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Subgraph:
    """A graph of a file: tensors, and operators in the order they run."""

    tensors: list[Tensor]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Flatbuffer:
    """The contents of a `.tflite` file.

    Attributes:
        subgraphs: list of `Subgraph`.
        buffers: list of arrays of uint8, views of the file.
        signatures: dict from names to indices of subgraphs.
        custom: tuple of str. Names of the operators that are not builtin
            operators of LiteRT.
    """

    subgraphs: list[Subgraph]
    buffers: list[np.ndarray]
    signatures: dict[str, int]
    custom: tuple[str, ...]

    @property
    def operators(self) -> dict[str, int]:
        """How often each operator occurs, by name."""
        counts: dict[str, int] = {}
        for subgraph in self.subgraphs:
            for operator in subgraph.operators:
                counts[operator.name] = counts.get(operator.name, 0) + 1
        return dict(sorted(counts.items()))

    def constants(self) -> dict[int, Tensor]:
        """Returns a tensor for each buffer that has content, by its index."""
        found: dict[int, Tensor] = {}
        for subgraph in self.subgraphs:
            for tensor in subgraph.tensors:
                if len(self.buffers[tensor.buffer]):
                    found.setdefault(tensor.buffer, tensor)
        return found


def read_flatbuffer(content: bytes, path: str | os.PathLike[str]) -> Flatbuffer:
    """Parses a `.tflite` file.

    Args:
        content: bytes. The whole file.
        path: path of the file, for error messages.

    Returns:
        A `Flatbuffer`.

    Raises:
        BadInputError: If it is not a `.tflite` file, or a part is missing.
    """
    if content[4:8] != MAGIC:
        raise BadInputError(
            f"{path} is not a .tflite file: it does not begin as one"
        )
    from tensorflow.lite.python import schema_py_generated as schema

    try:
        verify_flatbuffer(content)
        return _read(schema, content)
    except (
        AttributeError, IndexError, KeyError, OverflowError, TypeError,
        UnicodeDecodeError, ValueError, struct.error,
    ):  # fmt: skip
        raise BadInputError(
            f"{path} is a damaged .tflite file: a part of it is missing"
        ) from None


def _read(schema: Any, content: bytes) -> Flatbuffer:
    model = schema.Model.GetRootAs(content, 0)
    codes = {
        value: name
        for name, value in vars(schema.BuiltinOperator).items()
        if not name.startswith("_")
    }
    types = {
        value: name
        for name, value in vars(schema.TensorType).items()
        if not name.startswith("_")
    }
    names, custom = [], []
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        # Numbers up to 127 are in an older field.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = codes[number]
        if name == "CUSTOM":
            name = code.CustomCode().decode()
            custom.append(name)
        names.append(name)
    return Flatbuffer(
        [
            _subgraph(model.Subgraphs(i), names, types)
            for i in range(model.SubgraphsLength())
        ],
        [
            _buffer(model.Buffers(i), content)
            for i in range(model.BuffersLength())
        ],
        {
            model.SignatureDefs(i).SignatureKey().decode(): model.SignatureDefs(
                i
            ).SubgraphIndex()
            for i in range(model.SignatureDefsLength())
        },
        tuple(custom),
    )


def _subgraph(
    graph: Any, names: Sequence[str], types: dict[int, str]
) -> Subgraph:
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    return Subgraph(
        [
            _tensor(graph.Tensors(i), types)
            for i in range(graph.TensorsLength())
        ],
        [
            Operator(
                names[operator.OpcodeIndex()],
                _indices(operator.InputsAsNumpy()),
                _indices(operator.OutputsAsNumpy()),
            )
            for operator in operators
        ],
        _indices(graph.InputsAsNumpy()),
        _indices(graph.OutputsAsNumpy()),
    )


def _tensor(tensor: Any, types: dict[int, str]) -> Tensor:
    shape = tensor.ShapeSignatureAsNumpy()
    if isinstance(shape, int):  # the tensor has no shape signature
        shape = tensor.ShapeAsNumpy()
    quantization = tensor.Quantization()
    scales = quantization.ScaleAsNumpy() if quantization else 0
    return Tensor(
        (tensor.Name() or b"").decode(),
        _indices(shape),
        types[tensor.Type()],
        tensor.Buffer(),
        None if isinstance(scales, int) else scales,
        quantization.QuantizedDimension() if quantization else 0,
    )


def _indices(array: Any) -> tuple[int, ...]:
    return () if isinstance(array, int) else tuple(int(i) for i in array)


def _buffer(buffer: Any, content: bytes) -> np.ndarray:
    if buffer.Offset() > 1:  # the file is larger than a flatbuffer can be
        end = buffer.Offset() + buffer.Size()
        if end > len(content):
            raise ValueError("a buffer lies outside")
        return np.frombuffer(content, np.uint8)[buffer.Offset() : end]
    data = buffer.DataAsNumpy()
    return np.empty(0, np.uint8) if isinstance(data, int) else data
