"""Gradients of gathers, which hold only the gathered rows, and their clipping.

On TensorFlow such a gradient is a `tf.IndexedSlices`; a row that was gathered
several times stands in it several times. On other backends gradients are
dense.
"""

import keras
from keras import ops


def clip_gradients(
    gradients, clipnorm=None, global_clipnorm=None, clipvalue=None
):
    """Clips gradients as a Keras optimizer does, and keeps sparse ones sparse.

    A norm is taken over the summed rows: the same as that of the dense
    gradient, at a cost that does not grow with N.

    Args:
        gradients: List of gradients; None where there is none.
        clipnorm: Float or None. Largest norm of each gradient.
        global_clipnorm: Float or None. Largest norm of all together.
        clipvalue: Float or None. Largest absolute value.

    Returns:
        List of gradients.
    """
    if clipnorm:
        return [
            None if g is None else _scale(g, clipnorm, _square_sum(g))
            for g in gradients
        ]
    if global_clipnorm:
        total = sum(_square_sum(g) for g in gradients if g is not None)
        return [
            None if g is None else _scale(g, global_clipnorm, total)
            for g in gradients
        ]
    if clipvalue:
        return [_clip_values(g, clipvalue) for g in gradients]
    return gradients


class ClipsSummedGradients(keras.optimizers.Optimizer):
    """Base of an optimizer: `clip_gradients`, in the right place.

    Under a `tf.distribute` strategy Keras clips the gradient of each replica
    and then sums them, so several devices train another way than one does.
    Here the sum is clipped.
    """

    def _clip_gradients(self, gradients):
        if keras.backend.backend() == "tensorflow":
            return gradients  # Keras sums them next, below.
        return self._clip(gradients)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        summed = list(super()._all_reduce_sum_gradients(grads_and_vars))
        clipped = self._clip([gradient for gradient, _ in summed])
        return list(zip(clipped, [v for _, v in summed], strict=True))

    def _clip(self, gradients):
        return clip_gradients(
            gradients, self.clipnorm, self.global_clipnorm, self.clipvalue
        )


def is_sparse(gradient):
    """Tells whether a gradient is a `tf.IndexedSlices`."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return isinstance(gradient, tf.IndexedSlices)


def sum_repeated_rows(gradient):
    """Adds up the slices of a row that was gathered more than once.

    Sorting and segment sums have static shapes, unlike `tf.unique`, so XLA
    can compile them. The price: a row stands in the result as often as it was
    gathered, each time with its whole sum.

    Returns:
        `(rows, sums, is_first)`, sorted by row, as many as there were slices;
        `is_first` marks one occurrence of each row, shaped to mask `sums`.
    """
    import tensorflow as tf

    count = tf.shape(gradient.indices)[0]
    order = tf.argsort(gradient.indices)
    rows = tf.gather(gradient.indices, order)
    is_first = tf.concat([[True], rows[1:] != rows[:-1]], axis=0)[:count]
    segment = tf.cumsum(tf.cast(is_first, tf.int32)) - 1
    sums = tf.math.unsorted_segment_sum(
        tf.gather(gradient.values, order), segment, count
    )
    axes = [1] * (len(gradient.values.shape) - 1)
    is_first = tf.reshape(is_first, [count, *axes])
    return rows, tf.gather(sums, segment), is_first


def _square_sum(gradient):
    if not is_sparse(gradient):
        return ops.sum(ops.square(gradient))
    import tensorflow as tf

    _, sums, is_first = sum_repeated_rows(gradient)
    return tf.reduce_sum(tf.where(is_first, tf.square(sums), 0.0))


def _scale(gradient, largest, square_sum):
    # A norm of 0 must not divide: the gradient is 0 then and stays it.
    norm = ops.sqrt(square_sum)
    factor = largest / ops.maximum(norm, largest)
    if not is_sparse(gradient):
        return gradient * ops.cast(factor, gradient.dtype)
    import tensorflow as tf

    values = gradient.values * tf.cast(factor, gradient.values.dtype)
    return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)


def _clip_values(gradient, largest):
    if gradient is None:
        return None
    if not is_sparse(gradient):
        return ops.clip(gradient, -largest, largest)
    import tensorflow as tf

    rows, sums, is_first = sum_repeated_rows(gradient)
    # Zero but for one occurrence of a row: the update adds them up again.
    clipped = tf.where(is_first, tf.clip_by_value(sums, -largest, largest), 0.0)
    return tf.IndexedSlices(clipped, rows, gradient.dense_shape)
