"""Writes a `.tflite` file anew, with everything that is equal stored once.

LiteRT's converter writes scales and zero points once for each tensor and
function, a buffer for each tensor without content, the shapes of all tensors,
and long names of what comes between. In a language model with int8 weights
that was a tenth of the file. The format links its parts by offsets, so several
parts may share another.
"""

from typing import Any

import flatbuffers
import numpy as np

from kd_keras.export.litert.archive import MAGIC

# Contents of buffers begin at multiples of this, as LiteRT's schema says.
ALIGNMENT = 16


def repack(content: bytes) -> bytes:
    """Stores equal parts of a `.tflite` file once.

    Only the inputs and outputs of functions keep their names.

    Args:
        content: bytes. A flatbuffer as LiteRT's converter writes it.

    Returns:
        bytes. A flatbuffer of the same graph and weights. `content` itself if
        it keeps weights outside of the flatbuffer, as files beyond 2 GB do.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    if any(buffer.offset > 1 for buffer in model.buffers):
        return content
    _share_buffers(model)
    _drop_names(model)
    builder = _SharingBuilder(len(content))
    builder.Finish(model.Pack(builder), MAGIC)
    return bytes(builder.Output())


def _share_buffers(model: Any) -> None:
    """Keeps one buffer of each content, the empty one first."""
    places: dict[bytes, int] = {b"": 0}
    kept = [model.buffers[0]]
    new = []
    for buffer in model.buffers:
        data = b"" if buffer.data is None else bytes(buffer.data)
        if data not in places:
            places[data] = len(kept)
            kept.append(buffer)
        new.append(places[data])
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            tensor.buffer = new[tensor.buffer]
    for entry in model.metadata or []:
        entry.buffer = new[entry.buffer]
    if model.metadataBuffer is not None:
        model.metadataBuffer = [new[i] for i in model.metadataBuffer]
    model.buffers = kept


def _drop_names(model: Any) -> None:
    for subgraph in model.subgraphs:
        ends = {*subgraph.inputs, *subgraph.outputs}
        for index, tensor in enumerate(subgraph.tensors):
            if index not in ends:
                tensor.name = None


class _SharingBuilder(flatbuffers.Builder):
    """Writes each array and string of a flatbuffer once."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._known: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802
        key = x.dtype.str, x.tobytes()
        if key not in self._known:
            # Only the contents of buffers are bytes.
            if x.dtype == np.uint8:
                self.Prep(ALIGNMENT, x.size)
            self._known[key] = super().CreateNumpyVector(x)
        return self._known[key]

    def CreateString(self, s: Any, *more: Any, **options: Any) -> int:  # noqa: N802
        key = "", s.encode() if isinstance(s, str) else bytes(s)
        if key not in self._known:
            self._known[key] = super().CreateString(s, *more, **options)
        return self._known[key]
