"""Sums rows of a table, without a copy of every row that is summed.

This is what the sum of code embeddings takes for all symbols at once, and what
logits take that are looked up. `(N, D, m)` gathered rows would not fit in
memory: they are D times the result.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

# A gathered and added number costs about as much as so many multiplications
# of a matrix product, gradients included (measured on two cores of a CPU).
COST_OF_ROWS = 24
# One-hot rows are multiplied if their matrix has at most so many numbers, and
# so many columns: TensorFlow's own gradient of the sum runs on one core.
MOST_ONE_HOT, MOST_COLUMNS = 2**24, 1024
# Vectors of all symbols, in numbers, that may be composed at once if nobody
# knows how many hidden states there are.
MOST_COMPOSED = 2**26


def sum_of_rows(table: Any, rows: Any) -> Any:
    """Sums D rows of a table for each of N symbols.

    Args:
        table: tensor of float, shape `(R, m)`.
        rows: tensor of int32, shape `(N, D)`.

    Returns:
        Tensor of float, shape `(N, m)`.
    """
    if keras.backend.backend() == "tensorflow" and not _compiled_by_xla():
        return _segment_sum(table, rows)
    # XLA fuses these into one loop over the result.
    total = ops.take(table, rows[:, 0], axis=0)
    for j in range(1, rows.shape[1]):
        total = total + ops.take(table, rows[:, j], axis=0)
    return total


def few_positions(
    n: int | None, N: int, D: int, code_dim: int, output_dim: int
) -> bool:
    """Tells whether to look logits up, or to compose all vectors first.

    By look-up, n numbers are gathered and added for each of the N * D values.
    Otherwise `code_dim` numbers are, and `(n, output_dim)` is multiplied by
    `(output_dim, N)`.

    Args:
        n: int or None. Number of hidden states, if it is known.
        N, D, code_dim, output_dim: int. As in `Composition`.

    Returns:
        bool. True for look-up.
    """
    if n is None:
        return N * output_dim > MOST_COMPOSED
    composing = COST_OF_ROWS * D * code_dim + n * output_dim
    return COST_OF_ROWS * D * n < composing


def _compiled_by_xla() -> bool:
    """Tells whether the graph that is being traced is one for XLA."""
    import tensorflow as tf

    # TensorFlow has no public function for this.
    from tensorflow.python.ops import control_flow_util

    return not tf.executing_eagerly() and (
        control_flow_util.GraphOrParentsInXlaContext(
            tf.compat.v1.get_default_graph()
        )
    )


def _segment_sum(table: Any, rows: Any) -> Any:
    import tensorflow as tf

    table = tf.convert_to_tensor(table)
    N, D = rows.shape
    segments = tf.repeat(tf.range(N), D)
    R = table.shape[0]

    @tf.custom_gradient
    def call(table: Any) -> Any:
        total = tf.raw_ops.SparseSegmentSum(
            data=table,
            indices=tf.reshape(rows, [-1]),
            segment_ids=segments,
        )

        def gradient(upstream: Any) -> Any:
            return _gradient_of_rows(upstream, rows, segments, R)

        return total, gradient

    return call(table)


def _gradient_of_rows(upstream: Any, rows: Any, segments: Any, R: int) -> Any:
    """Adds the gradient of each sum to the rows that were summed."""
    import tensorflow as tf

    N, D = rows.shape
    if R <= MOST_COLUMNS and N * R <= MOST_ONE_HOT:
        # A symbol's rows are all different: there is one for each position.
        places = tf.stack([segments, tf.reshape(rows, [-1])], axis=1)
        ones = tf.scatter_nd(
            places, tf.ones(N * D, upstream.dtype), np.array([N, R])
        )
        return tf.matmul(ones, upstream, transpose_a=True)
    return tf.raw_ops.SparseSegmentSumGrad(
        grad=upstream,
        indices=tf.reshape(rows, [-1]),
        segment_ids=segments,
        output_dim0=R,
    )
