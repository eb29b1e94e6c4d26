"""Rows of a variable, gathered so that the cost does not grow with N."""

import keras
from keras import ops


def gather_rows(variable, ids):
    """Gathers rows of a variable by id.

    On TensorFlow the rows are read from the resource itself: the variable is
    not copied and its gradient stays sparse (`tf.IndexedSlices`), where
    `keras.ops.take` would read the whole table first. Ids out of range behave
    as in `keras.layers.Embedding`: negative ones count from the end, others
    are an error on CPU.

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
