"""An embedding in a `.keras` file, by itself."""

import os
from pathlib import Path

import keras

from kd_keras.layers.kd_embedding import KDEmbedding


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
