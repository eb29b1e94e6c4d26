"""The sizes of a Keras model in memory, and in the file it is exported to."""

import io
import math
import os
import zipfile
from typing import Any

from kd_keras.codes.int8_scales import scale_bytes
from kd_keras.export.litert.bias_steps import in_steps
from kd_keras.export.litert.precisions import LEAST_ROUNDED, PRECISIONS
from kd_keras.export.size.coded_model import (
    NO_WEIGHT,
    ROLES,
    CodedModel,
)
from kd_keras.export.size.describe import describe_embeddings, describe_tables
from kd_keras.export.size.report import SizeReport, code_bytes, predict
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.utils.checks import check_choice


def report_model(model: Any, quantization: str | None = None) -> SizeReport:
    """Predicts the sizes of the parts of an exported file, except the graph.

    Args:
        model: Keras layer or model, built.
        quantization: str or None. See `export_litert`.

    Returns:
        A `SizeReport` without overhead.

    Raises:
        ValueError: If the model is not built or the quantization is unknown.
    """
    check_choice("quantization", quantization, PRECISIONS)
    if not model.built:
        raise ValueError(
            "size_report needs a built model: call it once on ids. Received: "
            f"{model!r}, not built"
        )
    parts = dict.fromkeys(ROLES, 0)
    coded = CodedModel.of(model)
    embeddings = describe_embeddings(coded)
    for e in embeddings:
        shares = e.get("shares", ())
        if "codes" not in shares:
            parts["codes"] += code_bytes(e)
        if "composition" not in shares:
            width = PRECISIONS[quantization].bytes
            sizes = e["K"], e["D"], e["code_dim"]
            parts["code embeddings"] += math.prod(sizes) * width
            if quantization == "int8":
                parts["code embeddings"] += scale_bytes(*sizes)
    in_bytes = _biases_in_bytes(coded) if quantization == "int8" else set()
    for role, variable in coded.weights_beside_codes():
        if role == NO_WEIGHT:
            continue
        if id(variable) in in_bytes:
            parts[role] += int(variable.shape[0])
            continue
        elements = int(variable.numpy().size)
        is_rounded = len(variable.shape) > 1 and (
            quantization == "float16" or elements >= LEAST_ROUNDED
        )
        precision = PRECISIONS[quantization if is_rounded else None]
        parts[role] = parts.get(role, 0) + elements * precision.bytes
    return SizeReport(
        model.name,
        "model",
        sum(parts.values()),
        parts,
        embeddings,
        quantization,
        predict(embeddings, quantization, True),
        tables=describe_tables(coded),
    )


def _biases_in_bytes(coded: CodedModel) -> set[int]:
    """Returns the `id` of each bias that takes a byte a symbol in int8."""
    return {
        id(layer.bias)
        for layer in coded.layers
        if isinstance(layer, KDLogits)
        and layer.bias is not None
        and in_steps(layer.bias.numpy()) is not None
    }


def parts_in_memory(
    model: Any,
) -> tuple[dict[str, int], list[dict[str, Any]], list[dict[str, Any]]]:
    """Returns the sizes of a model's weights in memory by role.

    Args:
        model: Keras layer or model.

    Returns:
        `(parts, embeddings, tables)`. See `SizeReport`.
    """
    coded = CodedModel.of(model)
    parts, roles = dict.fromkeys(ROLES, 0), coded.roles()
    for variable in model.variables:
        role = roles[id(variable)]
        if role != NO_WEIGHT:
            parts[role] = parts.get(role, 0) + variable.numpy().nbytes
    return parts, describe_embeddings(coded), describe_tables(coded)


def optimizer_bytes(path: str | os.PathLike[str]) -> int:
    """Returns the size of the optimizer's variables in a `.keras` file."""
    import h5py

    sizes: list[int] = []
    with zipfile.ZipFile(path) as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        if "optimizer" in file:
            file["optimizer"].visititems(
                lambda name, item: sizes.append(getattr(item, "nbytes", 0))
            )
    return sum(sizes)
