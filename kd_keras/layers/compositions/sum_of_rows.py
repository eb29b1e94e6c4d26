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
# of a matrix product.
COST_OF_ROWS = 8
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


def few_positions(hidden: Any, codes: Any, width: int) -> bool:
    """Tells whether looking logits up costs less than composing vectors.

    With n hidden states, N symbols, D positions and vectors of width m:

    - by look-up, n numbers are added up for each of the N * D values;
    - by composing, m numbers are, and `(n, m)` is multiplied by `(m, N)`.

    Args:
        hidden: tensor of float, shape `(n, ...)`; n may be unknown.
        codes: tensor of int, shape `(N, D)`.
        width: int. m.

    Returns:
        bool.
    """
    n, (symbols, positions) = hidden.shape[0], codes.shape
    if n is None:
        return symbols * width > MOST_COMPOSED
    look_up = COST_OF_ROWS * positions * n
    return look_up < COST_OF_ROWS * positions * width + n * width


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
