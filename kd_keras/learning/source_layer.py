"""The `keras.layers.Embedding` that codes are learned for."""

import warnings
from typing import Any

import keras
import numpy as np

from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.utils.row_blocks import row_blocks

BLOCK_FLOATS = 1 << 22  # computed at a time


def table_of(layer: keras.layers.Embedding) -> np.ndarray:
    """Computes the vectors of all ids of a layer.

    They are what the layer computes, also if it is quantized or has LoRA
    weights.

    Args:
        layer: `keras.layers.Embedding`, built.

    Returns:
        Array of float32, shape `(input_dim, output_dim)`.

    Raises:
        ValueError: If the layer is not built.
    """
    if not layer.built:
        raise ValueError(
            "The layer must be built, so that it has a table: call it once on "
            f"ids. Received: {layer!r}, not built"
        )
    table = np.empty((layer.input_dim, layer.output_dim), np.float32)
    step = max(1, BLOCK_FLOATS // layer.output_dim)
    for rows in row_blocks(layer.input_dim, step):
        vectors = layer(np.arange(rows.start, rows.stop))
        table[rows] = keras.ops.convert_to_numpy(vectors)
    return table


def warn_of_variable(vectors: Any) -> None:
    """Warns if a table is given without the layer that it belongs to."""
    if isinstance(vectors, keras.Variable):
        warnings.warn(
            "A variable does not say whether its layer masks id 0 "
            "(`mask_zero`), is trainable or computes in another dtype: pass "
            f"the layer instead. Received: {vectors.path}",
            stacklevel=3,
        )


def in_place_of(
    layer: keras.layers.Embedding, embedding: KDEmbedding
) -> KDEmbedding:
    """Returns an embedding that can take the place of a layer in a model.

    Args:
        layer: `keras.layers.Embedding`.
        embedding: `KDEmbedding`, built, with fixed codes.

    Returns:
        A built `KDEmbedding` with the codes and weights of `embedding`, and
        with the name, `mask_zero`, `trainable` and dtype policy of the layer.
    """
    config = embedding.get_config()
    policy = keras.saving.serialize_keras_object(layer.dtype_policy)
    composition = dict(config["composition"])
    composition["config"] = composition["config"] | {"dtype": policy}
    config |= {
        "name": layer.name,
        "dtype": policy,
        "mask_zero": layer.mask_zero,
        "codes": embedding.codes,
        "composition": composition,
    }
    other = KDEmbedding.from_config(config)
    other.build()
    other.composition.set_weights(embedding.composition.get_weights())
    other.trainable = layer.trainable
    return other
