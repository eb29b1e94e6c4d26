"""Reports the bytes of a file or model by role."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from kd_keras.export.litert.check_configuration import have_sizes
from kd_keras.export.size.report import SizeReport, predict
from kd_keras.utils.errors import BadInputError, told_by


def size_report(
    path_or_model: Any, quantization: str | None = None
) -> SizeReport:
    """Reports the bytes of a file or model by role.

    Args:
        path_or_model: path of a `.tflite` or `.keras` file or of a
            SavedModel; or a Keras layer or model, built, for which the sizes
            of an exported file are predicted, without the graph.
        quantization: None, `"int8"` or `"float16"`. See `export_litert`. Only
            for a model: a file has its own.

    Returns:
        A `SizeReport`.

    Raises:
        ValueError: If there is no such file, or if it is damaged or of
            another kind (`kd_keras.BadInputError`); or if the model is not
            built.

    Example:

    >>> import kd_keras
    >>> embedding = kd_keras.KDEmbedding(10_000, 200, K=16, D=32)
    >>> embedding.build()
    >>> report = kd_keras.size_report(embedding, quantization="int8")
    >>> print(report.parts["codes"], report.parts["code embeddings"])
    160000 103040
    """
    if hasattr(path_or_model, "variables"):
        from kd_keras.export.size.model_sizes import report_model

        return report_model(path_or_model, quantization)
    from kd_keras.export.litert.archive import read_file

    if quantization is not None:
        raise ValueError(
            "`quantization` is for a model; a file has its own. "
            f"Received: quantization={quantization!r}"
        )
    if not isinstance(path_or_model, str | os.PathLike):
        raise BadInputError(
            "size_report needs a path or a built Keras layer or model. "
            f"Received: {path_or_model!r}"
        )
    path = Path(path_or_model)
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return _report_saved_model(path)
        raise BadInputError(f"{path} is a folder without a saved_model.pb")
    content = read_file(path)
    # A .tflite file may end in an archive, which makes it a zip too.
    if content[:4] == b"PK\x03\x04":
        return _report_keras(path, len(content))
    return _report_tflite(path, content)


def _report_tflite(path: Path, content: bytes) -> SizeReport:
    from kd_keras.export.litert.archive import is_vocabulary, read_archive
    from kd_keras.export.litert.flatbuffer import read_flatbuffer
    from kd_keras.export.litert.peak_memory import peak_bytes
    from kd_keras.export.size.coded_model import OTHER, ROLES

    configuration, _, sizes = read_archive(content, path)
    flatbuffer = read_flatbuffer(content, path)
    parts = dict.fromkeys((*ROLES, "rest"), 0)
    if configuration is None:
        # Not written by kd_keras, so the roles of constants are unknown.
        constants = flatbuffer.constants()
        parts["rest"] = sum(len(flatbuffer.buffers[i]) for i in constants)
        configuration = {"embeddings": [], "quantization": None}
    try:
        for role, buffers in configuration.get("buffers", {}).items():
            role = OTHER if role == "rest" else role  # files up to 0.1.0
            parts[role] = sum(len(flatbuffer.buffers[i]) for i in buffers)
        parts["vocabulary"] = sum(
            size for name, size in sizes.items() if is_vocabulary(name)
        )
        parts["overhead"] = len(content) - sum(parts.values())
        embeddings = configuration["embeddings"]
        quantization = configuration["quantization"]
        report = SizeReport(
            str(path),
            "tflite",
            len(content),
            parts,
            embeddings,
            quantization,
            predict(
                embeddings,
                quantization,
                configuration.get("row_scales") is True,
            ),
            flatbuffer.operators,
            peak_bytes(flatbuffer),
            configuration.get("tables", []),
        )
        _check(report)
        return report
    # The configuration does not fit the graph.
    except (
        AttributeError, IndexError, KeyError, TypeError, ValueError,
        OverflowError, RecursionError,
    ):  # fmt: skip
        raise BadInputError(
            f"{path} is damaged: its parts do not fit together"
        ) from None


def _check(report: SizeReport) -> None:
    """Raises an error of some kind if a report is of a damaged file."""
    report.to_dict()
    if not have_sizes(report.embeddings, report.tables):
        raise ValueError("its kd_keras.json has layers without sizes")
    if not (
        all(map(_is_described, report.embeddings))
        and all(type(table["name"]) is str for table in report.tables)
    ):
        raise ValueError("its kd_keras.json has layers without descriptions")


def _is_described(embedding: dict[str, Any]) -> bool:
    """Returns whether an embedding has what `describe_embeddings` writes."""
    tiers = embedding.get("tiers", {"D": [], "ends": []})
    texts = [embedding["composition"], *embedding.get("shares", ())]
    texts.append(embedding.get("layer", ""))
    numbers = [embedding[name] for name in ("K", "D", "code_dim")]
    return all(type(x) is str for x in texts) and all(
        type(x) is int for x in (*numbers, *tiers["D"], *tiers["ends"])
    )


def _report_saved_model(path: Path) -> SizeReport:
    try:
        return _read_saved_model(path)
    except Exception as error:  # damage leads to errors of many kinds
        raise BadInputError(
            f"{path} is a damaged SavedModel: {told_by(error, 200)}"
        ) from None


def _read_saved_model(path: Path) -> SizeReport:
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    from kd_keras.export.size.coded_model import ROLES
    from kd_keras.export.size.variable_roles import role_of

    SavedModel.FromString((path / "saved_model.pb").read_bytes())
    extra = path / "assets.extra"
    configuration: dict[str, Any] = {"embeddings": []}
    is_ours = (extra / "kd_keras.json").is_file()
    if is_ours:
        configuration = json.loads((extra / "kd_keras.json").read_text("utf-8"))
    parts = dict.fromkeys((*ROLES, "rest"), 0)
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    for name, dtype in reader.get_variable_to_dtype_map().items():
        value = reader.get_tensor(name)  # verifies its checksum as well
        role = role_of(name) if is_ours else "rest"
        if dtype != tf.string and role is not None:
            parts[role] = parts.get(role, 0) + value.nbytes
    parts["vocabulary"] = sum(
        f.stat().st_size for f in extra.glob("vocabulary*.txt")
    )
    total = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    parts["overhead"] = total - sum(parts.values())
    report = SizeReport(
        str(path),
        "SavedModel",
        total,
        parts,
        configuration["embeddings"],
        predicted=predict(configuration["embeddings"], None, True),
        tables=configuration.get("tables", []),
    )
    _check(report)
    return report


def _report_keras(path: Path, total: int) -> SizeReport:
    import keras

    from kd_keras.export.size.model_sizes import (
        optimizer_bytes,
        parts_in_memory,
    )

    try:
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise BadInputError(f"{path} is a zip, but not a .keras file")
        model = keras.saving.load_model(path, compile=False)
        optimizer = optimizer_bytes(path)
    except Exception as error:  # damage leads to errors of many kinds
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(
            f"{path} cannot be loaded: {told_by(error, 200)}"
        ) from None
    parts, embeddings, tables = parts_in_memory(model)
    parts["optimizer"] = optimizer
    parts["overhead"] = total - sum(parts.values())
    return SizeReport(
        str(path), "keras", total, parts, embeddings, tables=tables
    )
