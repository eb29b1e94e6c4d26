"""Rows of a variable, gathered so that the cost does not grow with N.

Ids out of range behave as in `keras.layers.Embedding`, whose behaviour is the
backend's: negative ones count from the end; on TensorFlow others are an error
on CPU, on JAX they give NaN.
"""

import keras
from keras import ops

# Up to here a float dtype holds every integer.
_EXACT_UP_TO = {"bfloat16": 2**8, "float16": 2**11}


def integer_ids(inputs, input_dim):
    """Turns the ids that a layer is given into integers.

    `keras.Sequential` casts the ids of its first layer to that layer's compute
    dtype. In mixed precision this rounds them; it is too late to repair then.

    Args:
        inputs: Tensor of ids, of any dtype and shape.
        input_dim: Integer. Number of symbols N.

    Returns:
        Tensor of `inputs`' shape, int32 or int64.

    Raises:
        ValueError: If the dtype cannot hold every id.
    """
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    if dtype in ("int32", "int64"):
        return inputs
    if input_dim - 1 > _EXACT_UP_TO.get(dtype, input_dim):
        raise ValueError(
            f"Ids up to {input_dim - 1} were rounded to {dtype}. Begin the "
            'model with `keras.Input(shape, dtype="int32")`. '
            f"Received: ids of dtype {dtype}"
        )
    return ops.cast(inputs, "int32")


def gather_rows(variable, ids):
    """Gathers rows of a variable by id.

    On TensorFlow the rows are read from the resource itself: the variable is
    not copied and its gradient stays sparse (`tf.IndexedSlices`), where
    `keras.ops.take` would read the whole table first.

    Args:
        variable: `keras.Variable` of shape `(N, ...)`.
        ids: Integer tensor of any shape.

    Returns:
        Tensor of shape `ids.shape + variable.shape[1:]`.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.take(variable, ids, axis=0)
    import tensorflow as tf

    ids = tf.where(ids < 0, ids + variable.shape[0], ids)
    return tf.gather(variable.value, ids)


def nan_out_of_range(outputs, ids, input_dim):
    """Makes the outputs of ids out of range NaN on JAX.

    There a gather fills such rows with NaN. Codes are integers, which have
    none, and the arg max of NaN logits is a code like any other: without this
    a wrong id would get the vector of some other symbol.

    Args:
        outputs: Float tensor of shape `ids.shape + (...)`.
        ids: Integer tensor of any shape.
        input_dim: Integer. Number of symbols N.

    Returns:
        Tensor of `outputs`' shape and dtype.
    """
    if keras.backend.backend() != "jax":
        return outputs
    known = ops.logical_and(ids >= -input_dim, ids < input_dim)
    more_axes = range(len(ids.shape), len(outputs.shape))
    return ops.where(
        ops.expand_dims(known, tuple(more_axes)), outputs, float("nan")
    )
