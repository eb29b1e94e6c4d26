"""Writes a `.tflite` file that nobody has checked yet."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kd_keras.export.checks import check_model, check_outputs
from kd_keras.export.configuration import configuration_of
from kd_keras.export.device_embedding import on_device
from kd_keras.export.litert.archive import append_archive
from kd_keras.export.litert.flatbuffer import read_flatbuffer
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.export.signatures.signature import Signature
from kd_keras.export.signatures.signatures_of import signatures_of
from kd_keras.export.size.coded_model import CodedModel
from kd_keras.export.size.roles import find_buffers, weights_by_role
from kd_keras.export.size.size_report import size_report
from kd_keras.export.symbols import symbols_of
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


def trial_report(
    model: Any,
    quantization: str | None,
    sequence_length: int | None = None,
    example: Any = None,
    vocabulary: Any = None,
    unknown_id: Any = None,
) -> Any:
    """Tells the size of a model's file; does not check what it computes.

    Args:
        model: Keras layer or model with an embedding, built.
        quantization, sequence_length, example, vocabulary, unknown_id: See
            `export_litert`.

    Returns:
        The `SizeReport` of the file.

    Raises:
        ValueError: If the model cannot be exported, see `export_litert`.
    """
    coded = check_model(model)
    check_outputs(coded)
    need_litert()
    signatures = signatures_of(coded, None, sequence_length, example)
    symbols = symbols_of(coded, signatures, vocabulary, unknown_id)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.tflite")
        write_litert(coded, file, signatures, quantization, symbols)
        return size_report(file)
