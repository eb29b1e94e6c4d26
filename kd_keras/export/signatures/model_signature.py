"""The function of an exported Keras model: its inputs, outputs and ids."""

import keras
import numpy as np
import tensorflow as tf

from kd_keras.export.signatures.id_ranges import IdProbe
from kd_keras.export.signatures.signature import (
    DEFAULT,
    STEPS,
    Signature,
    compiled,
)
from kd_keras.layers.kd_embedding import KDEmbedding


def model_signature(
    coded, batch_size, sequence_length, example, default_batch=None
):
    """Gives the function that an exported Keras model has.

    Args:
        coded: `CodedModel` of a built Keras model.
        batch_size, sequence_length, example: As in `export_litert`.
        default_batch: Integer or None. Batch size where neither `batch_size`
            nor the model says one.

    Returns:
        A `Signature`.

    Raises:
        ValueError: If the model's inputs are not known, or of other sizes.
    """
    model = coded.model
    structure, is_sample = _structure(model, example)
    flat = [
        x if hasattr(x, "shape") else np.asarray(x)
        for x in keras.tree.flatten(structure)
    ]
    dtypes = [_number_dtype(x) for x in flat]

    def pack(values):
        packed = keras.tree.pack_sequence_as(structure, list(values))
        is_single = isinstance(packed, (list, tuple)) and len(packed) == 1
        return packed[0] if is_single else packed

    probe = IdProbe(
        coded,
        lambda arrays: model(
            pack(map(keras.ops.convert_to_tensor, arrays)), training=False
        ),
        [_without_none(x.shape, sequence_length) for x in flat],
        dtypes,
    )
    shares = [
        probe.share_of_ids(number) if "float" in dtype else "int" in dtype
        for number, dtype in enumerate(dtypes)
    ]
    specs, vocabularies = {}, {}
    for number, (x, share) in enumerate(zip(flat, shares, strict=True)):
        name = getattr(x, "name", None) or f"input_{number}"
        if share and np.count_nonzero(shares) == 1:
            name = "token_ids"
        if share:
            vocabularies[name] = probe.ends(number)
        shape = list(x.shape)
        if is_sample:
            # Its number of rows, and of ids in a row, mean nothing; but that
            # of columns of different ids does.
            alike = np.ndim(vocabularies.get(name, [])) == 0
            shape[: 1 + alike] = [None] * len(shape[: 1 + alike])
        sizes = [batch_size or default_batch, sequence_length]
        shape[:2] = [
            a if b is None else b
            for a, b in zip(sizes, shape[:2], strict=False)
        ]
        # Ids that Keras is given as floats are integers too.
        dtype = "int32" if share == 1 else dtypes[number]
        specs[name] = tf.TensorSpec(shape, dtype, name)
    _check_sizes(specs, batch_size, sequence_length)

    def call(**inputs):
        values = pack(inputs[name] for name in specs)
        return _named(coded, model(values, training=False))

    return Signature(
        DEFAULT,
        call,
        specs,
        vocabularies,
        compiled(call),
        first_id=probe.first_id,
    )


def _named(coded, outputs):
    """Names outputs: the embedding's, the only one, or as Keras does."""
    if isinstance(outputs, dict):
        return outputs
    if not isinstance(outputs, (list, tuple)):
        is_embedding = isinstance(coded.output, KDEmbedding)
        return {"embeddings" if is_embedding else "output": outputs}
    names = getattr(coded.model, "output_names", None)
    if names is None or len(set(names)) < len(outputs):
        names = [f"output_{i}" for i in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))


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


def _number_dtype(x):
    dtype = getattr(x.dtype, "name", x.dtype)
    if "int" not in dtype and "float" not in dtype and dtype != "bool":
        raise ValueError(
            "An export needs a model whose inputs are ids or other numbers. "
            f"Received: {getattr(x, 'name', 'example')}, dtype={dtype}"
        )
    # Ids are 32 bits in a file.
    return "int32" if "int" in dtype else dtype


def _without_none(shape, sequence_length):
    free = sequence_length or STEPS
    return [
        size or (2 if axis == 0 else free) for axis, size in enumerate(shape)
    ]


def _check_sizes(specs, batch_size, sequence_length):
    """Checks that the sizes that were asked for are those of the inputs."""
    shapes = [spec.shape.as_list() for spec in specs.values()]
    said = ", ".join(f"{name} {spec.shape}" for name, spec in specs.items())
    if batch_size is not None and any(s[0] != batch_size for s in shapes):
        raise ValueError(
            "`batch_size` must be None or that of the model's inputs. "
            f"Received: batch_size={batch_size}, inputs {said}"
        )
    if sequence_length is not None and all(
        s[1:2] != [sequence_length] for s in shapes
    ):
        raise ValueError(
            "`sequence_length` must be None or the second size of an input. "
            f"Received: sequence_length={sequence_length}, inputs {said}"
        )
