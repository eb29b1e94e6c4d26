"""A `.keras` file that contains only an embedding."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.utils.errors import BadInputError, told_by
from kd_keras.utils.row_blocks import row_blocks


def save_embedding(embedding: KDEmbedding, path: str | os.PathLike) -> None:
    """Saves an embedding as a model that takes ids of any batch and length.

    Args:
        embedding: `KDEmbedding`, built.
        path: path. The file to write; ends in ".keras".
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    keras.Sequential([ids, embedding]).save(path)


def load_embedding(path: str | os.PathLike) -> KDEmbedding:
    """Loads an embedding that `save_embedding` saved.

    Args:
        path: path. The file to read.

    Returns:
        `KDEmbedding`.

    Raises:
        BadInputError: If the file is missing, damaged or of another kind.
    """
    path = Path(path)
    try:
        _check_sizes(path)
        embedding = keras.saving.load_model(path).layers[0]
    except Exception as error:  # damage leads to errors of many kinds
        raise BadInputError(
            f"{path} cannot be loaded: {told_by(error, 200)}"
        ) from None
    if not isinstance(embedding, KDEmbedding):
        raise BadInputError(
            f"{path} must hold a KDEmbedding only. Received: "
            f"{type(embedding).__name__}"
        )
    return embedding


def _check_sizes(path: Path) -> None:
    """Checks that a file can hold the weights of which it tells the sizes.

    Keras allocates them before it reads any.
    """
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    size = path.stat().st_size
    layer = config["config"]["layers"][-1]["config"]
    composition = layer["composition"]["config"]
    d, code_dim = layer["output_dim"], composition["code_dim"]
    D = layer["D"]
    D = D[0] if isinstance(D, list) else D
    values = layer["K"] * D * code_dim
    recurrent = d * code_dim if "LSTM" in str(composition["name"]) else d
    if max(layer["input_dim"] * D, values, recurrent) > size:
        raise ValueError(f"its weights need more than its {size:,} bytes")


BLOCK_FLOATS = 1 << 24  # code embeddings gathered at a time: 64 MB


class DecodedVectors:
    """An `(N, d)` table that is decoded when indexed, never held as a whole.

    Args:
        embedding: `KDEmbedding`, built, with fixed codes.

    Attributes:
        embedding: `KDEmbedding`.
        shape: tuple `(N, d)`.
        codes: array of int, shape `(N, D)`.
        code_embedding_bytes: int. Size of W in bytes.
        composition_bytes: int. Size of the composition's other weights in
            bytes.

    Example:

    >>> table = DecodedVectors(KDEmbedding(100, 8, K=4, D=3))
    >>> table.shape, table[2:4].shape, table[np.array([1, 5, 1])].shape
    ((100, 8), (2, 8), (3, 8))
    """

    def __init__(self, embedding: KDEmbedding) -> None:
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
        if isinstance(index, slice):  # make only the ids of the slice
            index = np.arange(*index.indices(self.shape[0]))
        ids = np.asarray(index).astype(np.int32)
        vectors = np.empty((len(ids), self.shape[1]), np.float32)
        for block in row_blocks(len(ids), self._step):
            decoded = self.embedding(ids[block])
            vectors[block] = keras.ops.convert_to_numpy(decoded)
        return vectors


def _nbytes(variable: Any) -> int:
    return int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize
