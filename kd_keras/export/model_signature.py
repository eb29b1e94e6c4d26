"""The function of an exported Keras model: its inputs, outputs and ids."""

import keras
import numpy as np
import tensorflow as tf

from kd_keras.export.signatures import DEFAULT, Signature, compiled
from kd_keras.kd_embedding import KDEmbedding
from kd_keras.layer_search import find_layers, output_layer


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
    specs, pack = _inputs_of(model, batch_size, sequence_length, example)

    def call(**inputs):
        return _named(model, model(pack(inputs), training=False))

    return Signature(
        DEFAULT, call, specs, _vocabularies(model, specs), compiled(call)
    )


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
    """Gives the inputs' specs by name, and how to hand them to the model."""
    tensors = getattr(model, "inputs", None)
    if example is not None:
        tensors = example
    if tensors is None or len(tensors) == 0:
        raise ValueError(
            "A subclassed model does not tell its inputs: pass `example`, "
            f"arrays as it takes them. Received: {model!r}, example=None"
        )
    # A Sequential model without an Input took the shape of its first call.
    is_sample = example is not None or (
        isinstance(model, keras.Sequential) and tensors[0].shape[0] is not None
    )
    structure = tensors
    if example is None and hasattr(model, "_inputs_struct"):
        structure = model._inputs_struct
    flat = [
        x if hasattr(x, "shape") else np.asarray(x)
        for x in keras.tree.flatten(structure)
    ]
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in flat]
    are_ids = [
        "int" in dtype or _embeds(model, x)
        for x, dtype in zip(flat, dtypes, strict=True)
    ]
    specs = {}
    for number, (x, is_ids) in enumerate(zip(flat, are_ids, strict=True)):
        name = getattr(x, "name", None) or f"input_{number}"
        if is_ids and sum(are_ids) == 1:
            name = "token_ids"
        shape = _shape(x, is_ids, batch_size, sequence_length, is_sample)
        dtype = "int32" if is_ids else dtypes[number]
        specs[name] = tf.TensorSpec(shape, dtype, name)
    names = list(specs)

    def pack(inputs):
        values = [inputs[name] for name in names]
        packed = keras.tree.pack_sequence_as(structure, values)
        is_single = isinstance(packed, (list, tuple)) and len(packed) == 1
        return packed[0] if is_single else packed

    return specs, pack


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


def _id_layers(model):
    return find_layers(model, (KDEmbedding, keras.layers.Embedding))


def _embeds(model, tensor):
    """Tells whether an input, of whatever dtype, goes into an embedding."""
    return any(tensor is x for e in _id_layers(model) for x in _fed_by(e))


def _fed_by(layer):
    """Lists the tensors that a layer of a functional model is called on."""
    return [
        tensor
        for node in layer._inbound_nodes
        for tensor in node.arguments.keras_tensors
    ]


def _vocabularies(model, specs):
    """Finds the number of symbols of each input of ids.

    In a functional model that of the embeddings which it feeds; otherwise, or
    where something lies between, the smallest there is.
    """
    layers = _id_layers(model)
    smallest = min(layer.input_dim for layer in layers)
    tensors = getattr(model, "inputs", None) or []
    inputs = dict(zip(specs, tensors, strict=False))
    found = {}
    for name, spec in specs.items():
        if spec.dtype.is_integer:
            fed = [
                layer.input_dim
                for layer in layers
                if any(inputs.get(name) is x for x in _fed_by(layer))
            ]
            found[name] = min(fed, default=smallest)
    return found
