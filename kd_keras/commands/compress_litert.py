"""Writes and measures the `.tflite` file of a compressed table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.export.export_litert import export_litert
from kd_keras.export.litert.litert_model import LiteRTModel
from kd_keras.export.litert.load_litert import load_litert
from kd_keras.export.litert.precisions import precision_by_name
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.report.measure import measure_error
from kd_keras.utils.row_blocks import Rows


class LiteRTVectors:
    """A view of the `(N, d)` table that a `.tflite` file computes.

    Args:
        model: `LiteRTModel` of kind "embedding".

    Attributes:
        shape: tuple `(N, d)`.
    """

    def __init__(self, model: LiteRTModel) -> None:
        self._model = model
        described = model.configuration["embeddings"][0]
        self.shape = (described["N"], described["d"])

    def __getitem__(self, index: Any) -> np.ndarray:
        return self._model.embed(np.arange(self.shape[0])[index])


def compress_litert(
    embedding: KDEmbedding,
    path: Path,
    words: Sequence[str] | None,
    precision: str,
    before: Rows,
) -> dict[str, Any]:
    """Writes an embedding as a `.tflite` file and measures the file.

    Args:
        embedding: `KDEmbedding`, built.
        path: path. The file to write.
        words: list of N strings, or None for a file without a vocabulary.
        precision: one of `"float32"`, `"float16"`, `"int8"`.
        before: array of float, shape `(N, d)`. The table that the embedding
            replaces.

    Returns:
        dict. `precision`; `bytes`, by role; `error`, see `measure_error`.
    """
    # One word per call: LiteRT gets a recurrence wrong if shapes are open.
    is_recurrent = embedding.composition.runs_over_steps
    report = export_litert(
        embedding,
        path,
        words,
        precision_by_name(precision).quantization,
        sequence_length=1 if is_recurrent else None,
    )
    return {
        "precision": precision,
        "bytes": report.parts,
        "error": measure_error(before, LiteRTVectors(load_litert(path))),
    }
