"""The paper's estimator: discrete codes forward, a softmax backward."""

from typing import Any

import keras
from keras import ops

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    _custom_gradient = tf.custom_gradient
else:
    _custom_gradient = ops.custom_gradient


def highest(logits: Any) -> Any:
    """Returns the value with the highest logit, int32 `(...)`.

    A tie goes to the lowest value; 0 and -0 tie; NaN is lower than everything
    else. Backends and compilers differ in these cases if they are left to it.
    """
    known = ops.where(ops.isnan(logits), float("-inf"), logits)
    return ops.argmax(ops.where(ops.equal(known, 0), 0.0, known), axis=-1)


def _one_hot_and_gradient(logits: Any, temperature: Any) -> tuple[Any, Any]:
    one_hot = ops.one_hot(highest(logits), logits.shape[-1], dtype=logits.dtype)

    def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any]:
        # TensorFlow and JAX pass the upstream gradient as the only positional
        # argument. PyTorch passes it by keyword, after the saved tensors.
        (upstream,) = args if upstream is None else (upstream,)
        zeta = ops.softmax(logits / temperature, axis=-1)
        centred = upstream - ops.sum(upstream * zeta, axis=-1, keepdims=True)
        # The temperature is not learned: it follows its schedule.
        return zeta * centred / temperature, ops.zeros_like(temperature)

    return one_hot, gradient


_one_hot_of_argmax = _custom_gradient(_one_hot_and_gradient)


def straight_through(logits: Any, temperature: Any = 1.0) -> Any:
    """Turns logits into one-hot codes that can be trained.

    Forward, the code is exactly discrete (in a tie, the lowest value wins):

        o = one_hot(argmax_k logits_k)

    Backward, the gradient is that of the tempered softmax, as if it were the
    output:

        zeta = softmax(logits / T)
        dL/dlogits_k = zeta_k / T * (g_k - sum_l g_l zeta_l),  g = dL/do

    These are lines 3 to 5 of the paper's Algorithm 1, which writes
    `stop_gradient(o - zeta) + zeta`. Here the forward value is exactly
    one-hot, because no floats are subtracted.

    Args:
        logits: tensor of float, shape `(..., K)`.
        temperature: float or scalar tensor, positive. A tensor may change from
            step to step inside a compiled graph.

    Returns:
        Tensor, same shape and dtype as `logits`, with a single 1 along the
        last axis and 0 elsewhere.

    Example:

    >>> from kd_keras import straight_through
    >>> print(straight_through([[0.1, 2.0, -1.0]], temperature=0.5).numpy())
    [[0. 1. 0.]]

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        section 2.3 and Algorithm 1.
    """
    logits = ops.convert_to_tensor(logits)
    # As a tensor and by position: a Python number would become a constant of
    # a compiled graph, and tf.custom_gradient does not accept keywords.
    temperature = ops.convert_to_tensor(temperature, dtype=logits.dtype)
    if _is_vectorized():
        one_hot, _ = _one_hot_and_gradient(logits, temperature)
        zeta = ops.softmax(logits / temperature, axis=-1)
        return one_hot + (zeta - ops.stop_gradient(zeta))
    return _one_hot_of_argmax(logits, temperature)


def _is_vectorized() -> bool:
    """Returns whether the call is inside `tf.vectorized_map`.

    `TimeDistributed` uses it if the number of time steps is open. It ignores
    custom gradients, and no logits would be trained.
    """
    if keras.backend.backend() != "tensorflow" or tf.executing_eagerly():
        return False
    scope = tf.compat.v1.get_default_graph().get_name_scope()
    return "loop_body" in scope


def smooth_code(logits: Any, temperature: Any = 1.0) -> Any:
    """Turns logits into relaxed codes: the tempered softmax, both ways.

    `softmax(logits / T)` is the relaxation that the paper compares the
    straight-through estimator with. It becomes one-hot only as T goes to 0,
    where its gradient vanishes.

    Args:
        logits: tensor of float, shape `(..., K)`.
        temperature: float or scalar tensor, positive.

    Returns:
        Tensor, same shape and dtype as `logits`. The last axis sums to 1.

    Example:

    >>> from kd_keras import smooth_code
    >>> print(smooth_code([[0.0, 0.0]], temperature=0.5).numpy())
    [[0.5 0.5]]

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        section 2.3, "tempering Softmax".
    """
    logits = ops.convert_to_tensor(logits)
    temperature = ops.convert_to_tensor(temperature, dtype=logits.dtype)
    return ops.softmax(logits / temperature, axis=-1)
