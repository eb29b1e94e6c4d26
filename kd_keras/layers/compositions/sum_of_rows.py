"""Sums rows of a table, without a copy of every row that is summed.

This is what the sum of code embeddings takes for all symbols at once, and what
logits take that are looked up. `(N, D, m)` gathered rows would not fit in
memory: they are D times the result.
"""

from typing import Any

import keras
from keras import ops

# A gathered and added number costs about as much as so many multiplications
# of a matrix product, gradients included (measured on two cores of a CPU).
COST_OF_ROWS = 20
# Pairs of positions become one position with the sums of both, while a table
# of these has at most this share of the rows that are summed.
PAIRED_SHARE = 1 / 32
# Vectors of all symbols, in numbers, that may be composed at once if nobody
# knows how many hidden states there are.
MOST_COMPOSED = 2**26


def sum_of_rows(table: Any, codes: Any, training: bool = False) -> Any:
    """Sums, for each of N symbols, the rows of its D values.

    Args:
        table: tensor of float, shape `(D, K, m)`. A row for each value of each
            position.
        codes: tensor of int, shape `(N, D)`.
        training: bool. Whether TensorFlow may use an operator that is several
            times faster, but that XLA and LiteRT do not have: graphs for
            inference are exported and compiled.

    Returns:
        Tensor of float, shape `(N, m)`.
    """
    table, codes = paired(table, ops.cast(codes, "int32"))
    D, K = table.shape[:2]
    flat = ops.reshape(table, (D * K, -1))
    rows = codes + K * ops.arange(D, dtype="int32")
    if keras.backend.backend() == "tensorflow" and not _compiled_by_xla():
        return _with_gradient(flat, rows, training)
    return _gathered_sum(flat, rows)


def paired(table: Any, codes: Any) -> tuple[Any, Any]:
    """Joins positions of few values: half as many rows are summed.

    Args:
        table, codes: See `sum_of_rows`.

    Returns:
        `(table, codes)` of the same sums.
    """
    D, K = table.shape[:2]
    N = codes.shape[0]
    while D % 2 == 0 and D // 2 * K**2 <= PAIRED_SHARE * N * D:
        table = ops.expand_dims(table[::2], 2) + ops.expand_dims(table[1::2], 1)
        codes = codes[:, ::2] * K + codes[:, 1::2]
        D, K = D // 2, K**2
        table = ops.reshape(table, (D, K, -1))
    return table, codes


def _gathered_sum(table: Any, rows: Any) -> Any:
    # XLA makes one loop over the result of these.
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


def _with_gradient(table: Any, rows: Any, training: bool) -> Any:
    """Sums rows; the gradient does not hold an array of all that are summed."""
    import tensorflow as tf

    R = table.shape[0]

    @tf.custom_gradient
    def call(table: Any) -> Any:
        total = (_segment_sum if training else _gathered_sum)(table, rows)
        return total, lambda upstream: _gradient_of_rows(upstream, rows, R)

    return call(tf.convert_to_tensor(table))


def _segment_sum(table: Any, rows: Any) -> Any:
    import tensorflow as tf

    N, D = rows.shape
    return tf.raw_ops.SparseSegmentSum(
        data=table,
        indices=tf.reshape(rows, [-1]),
        segment_ids=tf.repeat(tf.range(N), D),
    )


def _gradient_of_rows(upstream: Any, rows: Any, R: int) -> Any:
    """Adds the gradient of each sum to the rows that were summed.

    It is a sum of rows too, over the symbols that have a value. TensorFlow's
    own gradient takes twice as long, even though it need not sort.
    """
    import tensorflow as tf

    N = rows.shape[0]
    # Rows of a position are above all rows of the positions before it, so
    # sorting each position sorts all.
    keys = tf.cast(tf.transpose(rows), "int32" if R * N < 2**31 else "int64")
    keys = tf.sort(keys * N + tf.range(N, dtype=keys.dtype), axis=-1)
    return tf.raw_ops.SparseSegmentSumWithNumSegments(
        data=upstream,
        indices=tf.reshape(keys % N, [-1]),
        segment_ids=tf.reshape(keys // N, [-1]),
        num_segments=R,
    )
