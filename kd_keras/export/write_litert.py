"""Writes a `.tflite` file that nobody has checked yet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kd_keras.export.configuration import configuration_of
from kd_keras.export.device_embedding import on_device
from kd_keras.export.litert.archive import append_archive
from kd_keras.export.litert.flatbuffer import read_flatbuffer
from kd_keras.export.signatures.signature import Signature
from kd_keras.export.size.coded_model import CodedModel
from kd_keras.export.size.roles import find_buffers, weights_by_role
from kd_keras.export.write import convert, write_saved_model

SAVED_MODEL = "model"  # beside the file, until it is removed


def write_litert(
    coded: CodedModel,
    file: Path,
    signatures: Sequence[Signature],
    quantization: str | None,
    symbols: Any,
) -> None:
    """Writes a file, and beside it the SavedModel from which it is made.

    Args:
        coded: `CodedModel`.
        file: path of the file to write.
        signatures: list of `Signature`.
        quantization: See `export_litert`.
        symbols: What `symbols_of` returns.

    Raises:
        ValueError: If LiteRT lacks an operator.
    """
    folder = file.with_name(SAVED_MODEL)
    with on_device(coded, quantization, symbols.unknown_ids) as forms:
        write_saved_model(coded, folder, signatures, forms)
    weights = [v.numpy() for _, v in coded.weights_beside_codes()]
    content = convert(folder, signatures, quantization, weights)
    configuration = configuration_of(coded, signatures, quantization, symbols)
    configuration["buffers"] = find_buffers(
        read_flatbuffer(content, file), weights_by_role(coded, forms)
    )
    file.write_bytes(content)
    append_archive(file, configuration, symbols.vocabularies)
