"""The estimator of the paper: discrete codes forward, soft ones backward."""

import keras
from keras import ops

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    _custom_gradient = tf.custom_gradient
else:
    _custom_gradient = ops.custom_gradient


@_custom_gradient
def _one_hot_of_argmax(logits, temperature):
    one_hot = ops.one_hot(
        ops.argmax(logits, axis=-1), logits.shape[-1], dtype=logits.dtype
    )

    def gradient(*args, upstream=None):
        # TensorFlow and JAX pass the upstream gradient as the only positional
        # argument, PyTorch by keyword behind the saved tensors.
        (upstream,) = args if upstream is None else (upstream,)
        zeta = ops.softmax(logits / temperature, axis=-1)
        centred = upstream - ops.sum(upstream * zeta, axis=-1, keepdims=True)
        # The temperature follows its schedule; nothing is learned about it.
        return zeta * centred / temperature, ops.zeros_like(temperature)

    return one_hot, gradient


def straight_through(logits, temperature=1.0):
    """Turns logits into one-hot codes that can be trained.

    Forward, the code is exactly discrete (a tie goes to the lowest value):

        o = one_hot(argmax_k logits_k)

    Backward, the gradient is that of the tempered softmax, as if it had been
    the output:

        zeta = softmax(logits / T)
        dL/dlogits_k = zeta_k / T * (g_k - sum_l g_l zeta_l),  g = dL/do

    This is line 3 to 5 of the paper's Algorithm 1, where it is written
    `stop_gradient(o - zeta) + zeta`; here the forward value is one-hot to the
    last bit, because no difference of floats is taken.

    Args:
        logits: Float tensor of shape `(..., K)`.
        temperature: Positive scalar, number or tensor. A tensor may change
            from step to step inside a compiled graph.

    Returns:
        Tensor of `logits`' shape and dtype with one 1 along the last axis.

    Example:

    >>> from kd_keras import straight_through
    >>> print(straight_through([[0.1, 2.0, -1.0]], temperature=0.5).numpy())
    [[0. 1. 0.]]

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        section 2.3 and Algorithm 1.
    """
    logits = ops.convert_to_tensor(logits)
    # As a tensor and by position: a Python number would be baked into a
    # compiled graph, a keyword is refused by tf.custom_gradient.
    temperature = ops.convert_to_tensor(temperature, dtype=logits.dtype)
    return _one_hot_of_argmax(logits, temperature)


def smooth_code(logits, temperature=1.0):
    """Turns logits into relaxed codes: the tempered softmax, both ways.

    `softmax(logits / T)`: the relaxation that the paper compares the
    straight-through estimator with. It becomes one-hot only as T goes to 0,
    where its gradient vanishes.

    Args:
        logits: Float tensor of shape `(..., K)`.
        temperature: Positive scalar, number or tensor.

    Returns:
        Tensor of `logits`' shape and dtype; the last axis sums to 1.

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
