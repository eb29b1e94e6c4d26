"""Finds the buffers of codes, code embeddings and other weights in a file.

The converter chooses the names of the tensors in a file, so buffers are found
by their contents: the weights are known while a model is exported.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from kd_keras.export.litert.flatbuffer import Flatbuffer, Tensor
from kd_keras.export.size.coded_model import ROLES, CodedModel

_STORED = {"FLOAT32": np.float32, "FLOAT16": np.float16, "INT8": np.int8}


class StoredTables(Protocol):
    """What a file holds of a coded layer: `DeviceEmbedding` has all of it."""

    codes: Any
    code_embeddings: Any
    scales: np.ndarray | None


def weights_by_role(
    coded: CodedModel, device_embeddings: Sequence[StoredTables]
) -> dict[str, list[np.ndarray]]:
    """Lists the weights of an exported model by role.

    Args:
        coded: `CodedModel`.
        device_embeddings: list of `DeviceEmbedding`. The forms of the model's
            coded layers in the file.

    Returns:
        dict from `ROLES` to lists of arrays.
    """
    roles: dict[str, list[np.ndarray]] = {role: [] for role in ROLES}
    for form in device_embeddings:
        roles["codes"].append(form.codes.numpy())
        roles["code embeddings"].append(form.code_embeddings.numpy())
        if form.scales is not None:
            roles["code embeddings"].append(form.scales)
    for role, variable in coded.weights_beside_codes():
        roles[role].append(variable.numpy())
    for layer in coded.layers:
        composition = layer.composition
        if composition.scaled:
            # The converter may multiply a matrix by the scale in advance.
            scale = composition.output_scale.numpy()
            for variable in composition.variables:
                roles["composition"].append(variable.numpy() * scale)
    return roles


def find_buffers(
    flatbuffer: Flatbuffer, weights: dict[str, list[np.ndarray]]
) -> dict[str, list[int]]:
    """Finds the buffers of weights in a file.

    Args:
        flatbuffer: `Flatbuffer`.
        weights: dict that `weights_by_role` returned.

    Returns:
        dict from `ROLES` to lists of indices of buffers.
    """
    found: dict[str, list[int]] = {role: [] for role in ROLES}
    for buffer, tensor in flatbuffer.constants().items():
        content = flatbuffer.buffers[buffer]
        for role, arrays in weights.items():
            if any(_holds(tensor, content, array) for array in arrays):
                found[role].append(buffer)
                break
        else:
            if _is_changed_weight(tensor):
                found["rest"].append(buffer)
    return found


def _is_changed_weight(tensor: Tensor) -> bool:
    """Checks if a constant can only be a weight in another form.

    The converter reshapes, cuts and joins the kernels of convolutions and
    recurrent layers, and adds no larger array of such numbers of its own.
    """
    elements = int(np.prod(tensor.shape))
    if tensor.dtype == "INT8":
        return tensor.scales is not None and elements > 1
    return tensor.dtype in ("FLOAT32", "FLOAT16") and elements >= 16


def _holds(tensor: Tensor, content: np.ndarray, array: np.ndarray) -> bool:
    """Checks if a buffer holds an array, perhaps transposed or rounded."""
    if array.size < 2 or int(np.prod(tensor.shape)) != array.size:
        return False
    for turned in (array, array.T):
        if turned.nbytes == len(content) and turned.tobytes() == bytes(content):
            return True
    dtype = _STORED.get(tensor.dtype)
    if dtype is None or array.dtype != np.float32:
        return False
    stored = content.view(dtype).reshape(tensor.shape).astype(np.float32)
    step = np.float32(1e-2 * np.abs(array).max() + 1e-12)
    if dtype == np.int8:
        if tensor.scales is None:
            return False
        shape = [1] * stored.ndim
        if len(tensor.scales) > 1:
            shape[tensor.axis] = len(tensor.scales)
        stored = stored * tensor.scales.reshape(shape)
        step = tensor.scales.max()
    flat = stored.reshape(-1)
    return any(
        np.abs(flat - turned.reshape(-1)).max() <= step
        for turned in (array, array.T)
    )
