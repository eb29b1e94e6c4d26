"""Tells the size of a file without keeping it."""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from kd_keras.export.checks import check_model, check_outputs
from kd_keras.export.engines import litert_engines
from kd_keras.export.litert.flatbuffer import read_flatbuffer
from kd_keras.export.litert.precisions import PRECISIONS
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.export.parity import check_parity
from kd_keras.export.signatures.signature import Signature
from kd_keras.export.signatures.signatures_of import signatures_of
from kd_keras.export.size.report import SizeReport
from kd_keras.export.size.size_report import size_report
from kd_keras.export.symbols import symbols_of
from kd_keras.export.write_litert import write_litert
from kd_keras.utils.errors import ParityError

# The operator that files have on which LiteRT's CompiledModel may be wrong:
# they compute shapes from those of the inputs.
SHAPE = "SHAPE"


@dataclasses.dataclass(frozen=True)
class Trial:
    """A file that was written as a trial.

    Attributes:
        size: `SizeReport` of the file.
        batch_size: int or None. The batch size it was written with. None: an
            open one, or that of the model.
    """

    size: SizeReport
    batch_size: int | None


def trial_export(
    model: Any,
    quantization: str | None,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    example: Any = None,
    vocabulary: Any = None,
    unknown_id: Any = None,
    finds_batch_size: bool = False,
) -> Trial:
    """Writes a model's file and removes it.

    What the file computes is not checked, except to find the batch size.

    Args:
        model: Keras layer or model with an embedding, built.
        quantization, batch_size, sequence_length, example, vocabulary,
            unknown_id: See `export_litert`.
        finds_batch_size: bool. Whether `batch_size` is None and shall become
            1 where `export_litert` falls back to it.

    Raises:
        ValueError: If the model cannot be exported, see `export_litert`.
    """
    coded = check_model(model)
    check_outputs(coded)
    need_litert()
    options = sequence_length, example
    signatures = signatures_of(coded, batch_size, *options)
    symbols = symbols_of(coded, signatures, vocabulary, unknown_id)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.tflite")
        write_litert(coded, file, signatures, quantization, symbols)
        if (
            finds_batch_size
            and isinstance(model, keras.Model)
            and not _is_right(file, signatures, quantization)
        ):
            batch_size = 1
            signatures = signatures_of(coded, batch_size, *options)
            file = Path(folder, "one_row", file.name)
            file.parent.mkdir()
            write_litert(coded, file, signatures, quantization, symbols)
        return Trial(size_report(file), batch_size)


def _is_right(
    file: Path, signatures: Sequence[Signature], quantization: str | None
) -> bool:
    """Tells whether LiteRT reads an open batch size, if a file has one."""
    if not any(s.has_open_batch for s in signatures):
        return True
    if SHAPE not in read_flatbuffer(file.read_bytes(), file).operators:
        return True
    try:
        with litert_engines(file) as engines:
            tolerance = PRECISIONS[quantization].tolerance
            check_parity(engines, signatures, tolerance)
    except ParityError as error:
        return not error.may_be_shapes  # other errors are for `export_litert`
    return True
