"""Gathers rows of a variable at a cost that does not grow with N.

Ids out of range behave as in `keras.layers.Embedding`, which depends on the
backend. Negative ids count from the end. Other ids out of range raise an error
on TensorFlow (on CPU) and return NaN on JAX.
"""

from typing import Any

import keras
from keras import ops

# Each float dtype represents every integer up to this one.
_EXACT_UP_TO = {"bfloat16": 2**8, "float16": 2**11, "float32": 2**24}


def integer_ids(inputs: Any, input_dim: int) -> Any:
    """Converts the ids that a layer gets to integers.

    `keras.Sequential` casts the ids of its first layer to that layer's compute
    dtype, and `keras.Input` to its own, by default float32. In mixed precision,
    and beyond 2^24 in float32, this rounds them, which cannot be undone here.

    Args:
        inputs: tensor of any dtype, any shape. The ids.
        input_dim: int, at least 1. Number of symbols N.

    Returns:
        Tensor of int32 or int64, same shape.

    Raises:
        ValueError: If the dtype cannot represent every id.
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


def dense(inputs: Any) -> Any:
    """Returns a sparse tensor as one with zeros, and any other as it is.

    Id 0 stands for what is missing, as in `keras.layers.Embedding`.
    """
    # Of TensorFlow and of JAX.
    if hasattr(inputs, "dense_shape") or hasattr(inputs, "todense"):
        return ops.convert_to_tensor(inputs, sparse=False)
    return inputs


def on_flat_values(call: Any, inputs: Any) -> Any:
    """Calls a function of ids on the ids of a ragged or sparse tensor.

    Args:
        call: From a tensor of ids to one with the same first axes.
        inputs: tensor, `tf.RaggedTensor`, or a sparse tensor.

    Returns:
        What `call` returns, ragged as the inputs are; None for None.
    """
    inputs = dense(inputs)
    if not hasattr(inputs, "flat_values"):
        return call(inputs)
    outputs = call(inputs.flat_values)
    return None if outputs is None else inputs.with_flat_values(outputs)


def gather_rows(variable: Any, ids: Any) -> Any:
    """Gathers rows of a variable by id.

    On TensorFlow the rows are read directly from the variable's resource. So
    the variable is not copied and its gradient stays sparse
    (`tf.IndexedSlices`); `keras.ops.take` would read the whole table first.
    Inside `tf.vectorized_map` the table is read, since a gather from a resource
    would run in a loop there, which XLA refuses.

    Args:
        variable: `keras.Variable`, shape `(N, ...)`.
        ids: tensor of int, any shape.

    Returns:
        Tensor, shape `ids.shape + variable.shape[1:]`.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.take(variable, ids, axis=0)
    import tensorflow as tf

    ids = tf.where(ids < 0, ids + variable.shape[0], ids)
    rows = variable.value
    if is_vectorized():
        rows = tf.convert_to_tensor(rows)
    return tf.gather(rows, ids)


def is_vectorized() -> bool:
    """Returns whether the call is inside `tf.vectorized_map`.

    `TimeDistributed` uses it if the number of time steps is open.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    if tf.executing_eagerly():
        return False
    scope = tf.compat.v1.get_default_graph().get_name_scope()
    return "loop_body" in scope


def nan_out_of_range(outputs: Any, ids: Any, input_dim: int) -> Any:
    """Sets the outputs of ids out of range to NaN on JAX.

    On JAX a gather fills such rows with NaN. But codes are integers, which
    have no NaN, and the argmax of NaN logits is a code like any other. Without
    this function a wrong id would get the vector of another symbol.

    Args:
        outputs: tensor of float, shape `ids.shape + (...)`.
        ids: tensor of int, any shape.
        input_dim: int, at least 1. Number of symbols N.

    Returns:
        Tensor, same shape and dtype as `outputs`.
    """
    if keras.backend.backend() != "jax":
        return outputs
    known = ops.logical_and(ids >= -input_dim, ids < input_dim)
    more_axes = range(len(ids.shape), len(outputs.shape))
    return ops.where(
        ops.expand_dims(known, tuple(more_axes)), outputs, float("nan")
    )
