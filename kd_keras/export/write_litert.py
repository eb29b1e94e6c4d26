"""Writes a `.tflite` file, and checks it."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kd_keras.export.configuration import configuration_of
from kd_keras.export.device_embedding import on_device
from kd_keras.export.engines import litert_engines
from kd_keras.export.litert.archive import append_archive
from kd_keras.export.litert.flatbuffer import read_flatbuffer
from kd_keras.export.parity import check_parity
from kd_keras.export.signatures.signature import Signature
from kd_keras.export.size.coded_model import CodedModel
from kd_keras.export.size.roles import find_buffers, weights_by_role
from kd_keras.export.write import convert, write_saved_model
from kd_keras.utils.errors import ParityError

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


def write_checked_litert(
    coded: CodedModel,
    file: Path,
    signatures: Sequence[Signature],
    quantization: str | None,
    symbols: Any,
    tolerance: float,
    of_one_row: Callable[[], Sequence[Signature]] | None = None,
) -> bool:
    """Writes a file that computes what Keras computes.

    LiteRT's CompiledModel is wrong on some models with an open batch size. The
    file is then written for one row, if that is wanted.

    Args:
        coded, file, signatures, quantization, symbols: See `write_litert`.
        tolerance: float. See `check_parity`.
        of_one_row: Function that returns the signatures for one row, or None.

    Returns:
        bool. Whether the file is for one row.

    Raises:
        ParityError: If the file does not compute what Keras computes.
        ValueError: See `write_litert`.
    """

    def write(signatures: Sequence[Signature]) -> None:
        write_litert(coded, file, signatures, quantization, symbols)
        with litert_engines(file) as engines:
            check_parity(engines, signatures, tolerance)

    try:
        write(signatures)
    except ParityError as error:
        is_open = any(s.has_open_batch for s in signatures)
        if not (error.may_be_shapes and is_open and of_one_row):
            raise
        shutil.rmtree(file.with_name(SAVED_MODEL))
        write(of_one_row())
        return True
    return False
