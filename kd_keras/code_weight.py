"""The type in which a layer holds fixed codes."""

import keras

from kd_keras.codes.checks import code_dtype


def code_weight_dtype(K: int) -> str:
    """Gives the dtype of a weight of codes: the smallest that can be held.

    That is `code_dtype(K)`, but under a `MultiWorkerMirroredStrategy` int32:
    the workers send each other the first value of every weight, for which
    TensorFlow has no 8 or 16 bit integers. Saved models do not care: a layer
    built elsewhere loads the same codes into its own type.

    Args:
        K: Integer, values of a position.

    Returns:
        String, name of a dtype.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if isinstance(
            tf.distribute.get_strategy(),
            tf.distribute.MultiWorkerMirroredStrategy,
        ):
            return "int32"
    return str(code_dtype(K).name)
