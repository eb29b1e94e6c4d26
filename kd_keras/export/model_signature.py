"""The function of an exported Keras model: its inputs, outputs and ids."""

import keras
import numpy as np
import tensorflow as tf

from kd_keras.export.id_ranges import IdProbe
from kd_keras.export.parity import STEPS
from kd_keras.export.signatures import DEFAULT, Signature, compiled
from kd_keras.kd_embedding import KDEmbedding
from kd_keras.layer_search import output_layer


def model_signature(model, batch_size, sequence_length, example):
    """Gives the function that an exported Keras model has.

    Args:
        model: Built Keras model with a `KDEmbedding`.
        batch_size, sequence_length, example: As in `export_litert`.

    Returns:
        A `Signature`.

    Raises:
        ValueError: If the model's inputs are not known.
    """
    specs, vocabularies, pack = _inputs_of(
        model, batch_size, sequence_length, example
    )

    def call(**inputs):
        values = pack(inputs[name] for name in specs)
        return _named(model, model(values, training=False))

    return Signature(DEFAULT, call, specs, vocabularies, compiled(call))


def _named(model, outputs):
    """Names outputs: the embedding's, the only one, or as Keras does."""
    if isinstance(outputs, dict):
        return outputs
    if not isinstance(outputs, (list, tuple)):
        is_embedding = isinstance(output_layer(model), KDEmbedding)
        return {"embeddings" if is_embedding else "output": outputs}
    names = getattr(model, "output_names", None)
    if names is None or len(set(names)) < len(outputs):
        names = [f"output_{i}" for i in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))


def _inputs_of(model, batch_size, sequence_length, example):
    """Gives the inputs' specs by name, their ids' ranges, and a packer."""
    structure, is_sample = _structure(model, example)
    flat = [
        x if hasattr(x, "shape") else np.asarray(x)
        for x in keras.tree.flatten(structure)
    ]
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in flat]

    def pack(values):
        packed = keras.tree.pack_sequence_as(structure, list(values))
        is_single = isinstance(packed, (list, tuple)) and len(packed) == 1
        return packed[0] if is_single else packed

    probe = IdProbe(
        model,
        lambda arrays: model(
            pack(map(keras.ops.convert_to_tensor, arrays)), training=False
        ),
        [_probed_shape(x.shape, sequence_length) for x in flat],
        dtypes,
    )
    are_ids = [
        "int" in dtype or probe.is_ids(number)
        for number, dtype in enumerate(dtypes)
    ]
    specs, vocabularies = {}, {}
    for number, (x, is_ids) in enumerate(zip(flat, are_ids, strict=True)):
        name = getattr(x, "name", None) or f"input_{number}"
        if is_ids and sum(are_ids) == 1:
            name = "token_ids"
        shape = _shape(x, is_ids, batch_size, sequence_length, is_sample)
        dtype = "int32" if is_ids else dtypes[number]
        specs[name] = tf.TensorSpec(shape, dtype, name)
        if is_ids:
            vocabularies[name] = probe.input_dims(number)
    return specs, vocabularies, pack


def _structure(model, example):
    """Gives the inputs as the model takes them; whether they are a sample."""
    if example is not None:
        return example, True
    tensors = getattr(model, "inputs", None)
    if not tensors:
        raise ValueError(
            "A subclassed model does not tell its inputs: pass `example`, "
            f"arrays as it takes them. Received: {model!r}, example=None"
        )
    # A Sequential model without an Input took the shape of its first call.
    is_sample = (
        isinstance(model, keras.Sequential) and tensors[0].shape[0] is not None
    )
    return getattr(model, "_inputs_struct", tensors), is_sample


def _probed_shape(shape, sequence_length):
    free = sequence_length or STEPS
    return [
        size or (2 if axis == 0 else free) for axis, size in enumerate(shape)
    ]


def _shape(x, is_ids, batch_size, sequence_length, is_sample):
    shape = list(x.shape)
    if is_sample:
        # Its number of rows, and of ids in a row, mean nothing.
        axes = len(shape[: 2 if is_ids else 1])
        shape[:axes] = [None] * axes
    if batch_size is not None and shape[0] is None:
        shape[0] = batch_size
    if sequence_length is not None and len(shape) > 1 and shape[1] is None:
        shape[1] = sequence_length
    return shape
