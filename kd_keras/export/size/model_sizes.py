"""The sizes of a Keras model, in memory and as its export will have them."""

import io
import zipfile

from kd_keras.codes.sizes import packed_code_bytes
from kd_keras.export.size.describe import describe_embeddings
from kd_keras.export.size.report import SizeReport, predict
from kd_keras.export.size.roles import ROLES, find_owner
from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_embedding import KDEmbedding

_WIDTHS = {None: 4, "float16": 2, "int8": 1}
# The converter leaves smaller weights in float32.
_LEAST_ROUNDED = 1024


def report_model(model, quantization=None):
    """Predicts the parts of the file that an export writes, but the graph.

    Args:
        model: Built Keras layer or model.
        quantization: As in `export_litert`.

    Returns:
        `SizeReport` without overhead.

    Raises:
        ValueError: If the model is not built or the quantization unknown.
    """
    from kd_keras.utils.checks import check_choice

    check_choice("quantization", quantization, tuple(_WIDTHS))
    if not model.built:
        raise ValueError(
            "size_report needs a built model: call it once on ids. Received: "
            f"{model!r}, not built"
        )
    parts = dict.fromkeys(ROLES, 0)
    embeddings = describe_embeddings(model)
    for e in embeddings:
        shares = e.get("shares", ())
        if "codes" not in shares:
            parts["codes"] += packed_code_bytes(e["N"], e["K"], e["D"])
        if "composition" not in shares:
            size = e["K"] * e["D"] * e["code_dim"] * _WIDTHS[quantization]
            scales = 4 * e["D"] if quantization == "int8" else 0
            parts["code embeddings"] += size + scales
    for variable in model.variables:
        role = find_owner(model, variable)
        if role is not None:
            elements = int(variable.numpy().size)
            rounded = quantization == "float16" or elements >= _LEAST_ROUNDED
            is_matrix = len(variable.shape) > 1
            width = _WIDTHS[quantization if rounded and is_matrix else None]
            parts[role] += elements * width
    return SizeReport(
        model.name,
        "model",
        sum(parts.values()),
        parts,
        embeddings,
        quantization,
        predict(embeddings, quantization),
    )


def parts_in_memory(model):
    """Gives the bytes that the weights of a model have, by role.

    Args:
        model: Keras layer or model.

    Returns:
        `(parts, embeddings)` as in `SizeReport`.
    """
    parts = dict.fromkeys(ROLES, 0)
    embeddings = find_layers(model, KDEmbedding)
    tables = {id(e.composition.code_embeddings) for e in embeddings if e.built}
    for variable in model.variables:
        role = find_owner(model, variable)
        if role is None:
            is_table = id(variable) in tables
            role = "code embeddings" if is_table else "codes"
        parts[role] += variable.numpy().nbytes
    return parts, describe_embeddings(model)


def optimizer_bytes(path):
    """Gives the bytes of the optimizer's variables in a `.keras` file."""
    import h5py

    sizes = []
    with zipfile.ZipFile(path) as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        if "optimizer" in file:
            file["optimizer"].visititems(
                lambda name, item: sizes.append(getattr(item, "nbytes", 0))
            )
    return sum(sizes)
