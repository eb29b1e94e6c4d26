"""A `.tflite` file taken apart: its tensors, operators and buffers."""

import dataclasses
import struct

import numpy as np

from kd_keras.export.litert.archive import MAGIC
from kd_keras.utils.errors import BadInputError

# Bytes of an element by the name of the type; int4 and int2 are packed.
_BITS = {
    "FLOAT32": 32, "FLOAT16": 16, "INT32": 32, "UINT8": 8, "INT64": 64,
    "BOOL": 8, "INT16": 16, "INT8": 8, "FLOAT64": 64, "UINT32": 32,
    "UINT16": 16, "UINT64": 64, "INT4": 4, "BFLOAT16": 16, "COMPLEX64": 64,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a subgraph; its `buffer` holds bytes if it is constant."""

    name: str
    shape: tuple
    dtype: str
    buffer: int
    scales: np.ndarray | None
    axis: int

    @property
    def bytes(self):
        """Bytes of the tensor, dynamic sizes counted as 1."""
        elements = int(np.prod([max(s, 1) for s in self.shape], dtype=np.int64))
        return -(-elements * _BITS.get(self.dtype, 32) // 8)


@dataclasses.dataclass(frozen=True)
class Operator:
    """An operator of a subgraph: its name, and tensors by index."""

    name: str
    inputs: tuple
    outputs: tuple


@dataclasses.dataclass(frozen=True)
class Subgraph:
    """A graph of a file: tensors, and operators in the order they run."""

    tensors: list
    operators: list
    inputs: tuple
    outputs: tuple


@dataclasses.dataclass(frozen=True)
class Flatbuffer:
    """What a `.tflite` file consists of.

    Attributes:
        subgraphs: List of `Subgraph`.
        buffers: List of uint8 arrays, views of the file.
        signatures: Dictionary from names to indices of subgraphs.
        custom: Names of the operators that are no builtins of LiteRT.
    """

    subgraphs: list
    buffers: list
    signatures: dict
    custom: tuple

    @property
    def operators(self):
        """Dictionary from operators' names to how often they stand there."""
        counts: dict = {}
        for subgraph in self.subgraphs:
            for operator in subgraph.operators:
                counts[operator.name] = counts.get(operator.name, 0) + 1
        return dict(sorted(counts.items()))

    def constants(self):
        """Dictionary from each buffer with content to a tensor that has it."""
        found: dict = {}
        for subgraph in self.subgraphs:
            for tensor in subgraph.tensors:
                if len(self.buffers[tensor.buffer]):
                    found.setdefault(tensor.buffer, tensor)
        return found


def read_flatbuffer(content, path):
    """Takes a `.tflite` file apart.

    Args:
        content: Bytes of the whole file.
        path: Its path, for messages.

    Returns:
        A `Flatbuffer`.

    Raises:
        BadInputError: If it is no such file or a part of one.
    """
    if content[4:8] != MAGIC:
        raise BadInputError(
            f"{path} is not a .tflite file: it does not begin as one"
        )
    from tensorflow.lite.python import schema_py_generated as schema

    try:
        return _read(schema, content)
    except (
        IndexError, KeyError, OverflowError, TypeError, UnicodeDecodeError,
        ValueError, struct.error,
    ):  # fmt: skip
        raise BadInputError(
            f"{path} is a damaged .tflite file: a part of it is missing"
        ) from None


def _read(schema, content):
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
        # Numbers up to 127 stand in an older field.
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


def _subgraph(graph, names, types):
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


def _tensor(tensor, types):
    shape = tensor.ShapeSignatureAsNumpy()
    if isinstance(shape, int):  # there is none
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


def _indices(array):
    return () if isinstance(array, int) else tuple(int(i) for i in array)


def _buffer(buffer, content):
    if buffer.Offset() > 1:  # of a file larger than a flatbuffer can be
        end = buffer.Offset() + buffer.Size()
        if end > len(content):
            raise ValueError("a buffer lies outside")
        return np.frombuffer(content, np.uint8)[buffer.Offset() : end]
    data = buffer.DataAsNumpy()
    return np.empty(0, np.uint8) if isinstance(data, int) else data
