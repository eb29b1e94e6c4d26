"""Sparse gradients, which contain only the gathered rows, and their clipping.

On TensorFlow, the gradient of a gather is a `tf.IndexedSlices`, in which a row
occurs as often as it was gathered. On other backends, gradients are dense.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops


def clip_gradients(
    gradients: Sequence[Any],
    clipnorm: float | None = None,
    global_clipnorm: float | None = None,
    clipvalue: float | None = None,
) -> Sequence[Any]:
    """Clips gradients as a Keras optimizer does, and keeps sparse ones sparse.

    The norm of a sparse gradient is that of its summed rows, which is the norm
    of the dense gradient. Its cost does not grow with N.

    Args:
        gradients: List of gradients. An entry is None if a variable has no
            gradient.
        clipnorm: float or None. Largest norm of each gradient.
        global_clipnorm: float or None. Largest norm of all gradients
            together.
        clipvalue: float or None. Largest absolute value in a gradient.

    Returns:
        List of the clipped gradients.
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
    """Base class of optimizers that clip the sum of the replicas' gradients.

    Under a `tf.distribute` strategy, Keras clips the gradients of each replica
    and then sums them. Training on several devices then differs from training
    on one. Optimizers of this class sum first and then clip.
    """

    def _clip_gradients(self, gradients: Sequence[Any]) -> Sequence[Any]:
        """Clips gradients, except on TensorFlow, where Keras sums them next."""
        if keras.backend.backend() == "tensorflow":
            return gradients
        return self._clip(gradients)

    def _all_reduce_sum_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]]
    ) -> list[tuple[Any, Any]]:
        """Sums the gradients over the replicas and clips the sums."""
        summed = list(super()._all_reduce_sum_gradients(grads_and_vars))
        clipped = self._clip([gradient for gradient, _ in summed])
        return list(zip(clipped, [v for _, v in summed], strict=True))

    def _clip(self, gradients: Sequence[Any]) -> Sequence[Any]:
        """Clips gradients by the options of the optimizer."""
        return clip_gradients(
            gradients, self.clipnorm, self.global_clipnorm, self.clipvalue
        )


def is_sparse(gradient: Any) -> bool:
    """Returns whether a gradient is a `tf.IndexedSlices`."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return isinstance(gradient, tf.IndexedSlices)


def sum_repeated_rows(gradient: Any) -> tuple[Any, Any, Any]:
    """Adds up the slices of each row that was gathered more than once.

    It uses sorting and segment sums, because these have static shapes, unlike
    `tf.unique`, so that XLA can compile them. Therefore a row occurs in the
    result as often as it was gathered, each time with its whole sum.

    Args:
        gradient: `tf.IndexedSlices`.

    Returns:
        `(rows, sums, is_first)`, sorted by row, with as many entries as
        `gradient` has slices. `is_first` marks one occurrence of each row; its
        shape broadcasts to that of `sums`.
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


def _square_sum(gradient: Any) -> Any:
    """Computes the squared norm of a gradient."""
    if not is_sparse(gradient):
        return ops.sum(ops.square(gradient))
    import tensorflow as tf

    _, sums, is_first = sum_repeated_rows(gradient)
    return tf.reduce_sum(tf.where(is_first, tf.square(sums), 0.0))


def _scale(gradient: Any, largest: float, square_sum: Any) -> Any:
    """Scales a gradient so that the norm is at most `largest`."""
    # The maximum also avoids division by a norm of 0.
    norm = ops.sqrt(square_sum)
    factor = largest / ops.maximum(norm, largest)
    if not is_sparse(gradient):
        return gradient * ops.cast(factor, gradient.dtype)
    import tensorflow as tf

    values = gradient.values * tf.cast(factor, gradient.values.dtype)
    return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)


def _clip_values(gradient: Any, largest: float) -> Any:
    """Clips the values of a gradient to at most `largest`."""
    if gradient is None:
        return None
    if not is_sparse(gradient):
        return ops.clip(gradient, -largest, largest)
    import tensorflow as tf

    rows, sums, is_first = sum_repeated_rows(gradient)
    # All but one occurrence of a row become zero, since an update adds them up.
    clipped = tf.where(is_first, tf.clip_by_value(sums, -largest, largest), 0.0)
    return tf.IndexedSlices(clipped, rows, gradient.dense_shape)
