"""Finds the buffers of codes, code embeddings and other weights in a file.

The converter chooses the names of the tensors in a file, so buffers are found
by their contents: the weights are known while a model is exported.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from kd_keras.export.litert.flatbuffer import Flatbuffer
from kd_keras.export.size.coded_model import NO_WEIGHT, OTHER, CodedModel
from kd_keras.export.size.same_numbers import Constant, is_part_of


class StoredTables(Protocol):
    """What a file holds of a coded layer: `DeviceEmbedding` has all of it."""

    codes: Any
    code_embeddings: Any
    bias_steps: Any

    def scales(self) -> list[np.ndarray]: ...


def weights_by_role(
    coded: CodedModel, device_embeddings: Sequence[StoredTables]
) -> dict[str, list[np.ndarray]]:
    """Lists the weights of an exported model by role.

    Args:
        coded: `CodedModel`.
        device_embeddings: list of `DeviceEmbedding`. The forms of the model's
            coded layers in the file.

    Returns:
        dict from roles to lists of arrays. See `CodedModel.roles`.
    """
    roles: dict[str, list[np.ndarray]] = {"codes": [], "code embeddings": []}
    for form in device_embeddings:
        roles["codes"] += [table.numpy() for table in form.codes.stored]
        roles["code embeddings"].append(form.code_embeddings.numpy())
        roles["code embeddings"] += form.scales()
    of_variables = coded.roles()
    for layer, form in zip(coded.layers, device_embeddings, strict=True):
        if form.bias_steps is not None:
            role = of_variables[id(layer.bias)]
            roles.setdefault(role, []).append(form.bias_steps.numpy())
    for role, variable in coded.weights_beside_codes():
        if role != NO_WEIGHT:
            roles.setdefault(role, []).append(variable.numpy())
    for layer in coded.layers:
        composition = layer.composition
        if composition.scaled:
            # The converter may multiply a matrix by the scale in advance.
            scale = composition.output_scale.numpy()
            for variable in composition.variables:
                scaled = variable.numpy() * scale
                roles.setdefault("composition", []).append(scaled)
    return roles


def find_buffers(
    flatbuffer: Flatbuffer, weights: dict[str, list[np.ndarray]]
) -> dict[str, list[int]]:
    """Finds the buffers of weights in a file.

    The converter transposes, reshapes, cuts and rounds weights, and computes
    new ones from them: a batch normalization disappears in the kernel before
    it. So an array of different numbers that no weight contains belongs to the
    other layers. An array of one number repeated is a weight only if the same
    numbers are part of a weight; zeros, for example, are also what a loop
    begins with.

    Args:
        flatbuffer: `Flatbuffer`.
        weights: dict that `weights_by_role` returned.

    Returns:
        dict from roles to lists of indices of buffers. Other constants are
        not weights.
    """
    found: dict[str, list[int]] = {role: [] for role in weights}
    begins = _only_beginnings_of_loops(flatbuffer)
    for buffer, tensor in flatbuffer.constants().items():
        constant = Constant.of(tensor, flatbuffer.buffers[buffer])
        if constant is None or (constant.is_uniform and buffer in begins):
            continue
        for role, arrays in weights.items():
            if any(is_part_of(constant, array) for array in arrays):
                found[role].append(buffer)
                break
        else:
            if constant.is_float and not constant.is_uniform:
                found.setdefault(OTHER, []).append(buffer)
    return found


def _only_beginnings_of_loops(flatbuffer: Flatbuffer) -> set[int]:
    """Returns the buffers that nothing but WHILE reads."""
    looped, read = set(), set()
    for subgraph in flatbuffer.subgraphs:
        for operator in subgraph.operators:
            buffers = {
                subgraph.tensors[i].buffer for i in operator.inputs if i >= 0
            }
            if operator.name == "WHILE":
                looped |= buffers
            else:
                read |= buffers
    return looped - read
