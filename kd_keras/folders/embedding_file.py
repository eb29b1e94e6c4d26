"""An embedding in a `.keras` file, by itself."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.utils.row_blocks import row_blocks


def save_embedding(embedding: KDEmbedding, path: str | os.PathLike) -> None:
    """Saves an embedding as a model that takes ids of any batch and length.

    Args:
        embedding: Built `KDEmbedding`.
        path: The file, which ends in ".keras".
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    keras.Sequential([ids, embedding]).save(path)


def load_embedding(path: str | os.PathLike) -> KDEmbedding:
    """Loads what `save_embedding` saved."""
    return keras.saving.load_model(Path(path)).layers[0]


BLOCK_FLOATS = 1 << 24  # code embeddings gathered at a time: 64 MB


class DecodedVectors:
    """Stands for an `(N, d)` table that is never held whole.

    Args:
        embedding: A built `KDEmbedding` with fixed codes.

    Attributes:
        embedding: The `KDEmbedding`.
        shape: `(N, d)`.
        codes: `(N, D)`, numpy.
        code_embedding_bytes: Bytes of W.
        composition_bytes: Bytes of the composition's other weights.

    Example:

    >>> table = DecodedVectors(KDEmbedding(100, 8, K=4, D=3))
    >>> table.shape, table[2:4].shape, table[np.array([1, 5, 1])].shape
    ((100, 8), (2, 8), (3, 8))
    """

    def __init__(self, embedding: KDEmbedding):
        self.embedding = embedding
        self.shape = (embedding.input_dim, embedding.output_dim)
        self.codes: np.ndarray = embedding.codes  # builds the layer
        per_row = embedding.D * embedding.code_dim
        self._step = max(1, BLOCK_FLOATS // per_row)
        self.code_embedding_bytes = _nbytes(
            embedding.composition.code_embeddings
        )
        weights = sum(_nbytes(w) for w in embedding.composition.weights)
        self.composition_bytes = weights - self.code_embedding_bytes

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, slice):  # not all ids for a block of them
            index = np.arange(*index.indices(self.shape[0]))
        ids = np.asarray(index).astype(np.int32)
        vectors = np.empty((len(ids), self.shape[1]), np.float32)
        for block in row_blocks(len(ids), self._step):
            decoded = self.embedding(ids[block])
            vectors[block] = keras.ops.convert_to_numpy(decoded)
        return vectors


def _nbytes(variable: Any) -> int:
    return int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize
