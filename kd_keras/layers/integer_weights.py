"""The dtype of weights that hold integers."""

import keras


def weight_dtype(smallest: str) -> str:
    """Returns the dtype that a weight of integers can have here.

    Under a `MultiWorkerMirroredStrategy` that is int32: the workers send each
    other the first value of every weight, and TensorFlow cannot send 8-bit or
    16-bit integers. A layer built elsewhere loads the same numbers into its
    own dtype.

    Args:
        smallest: str. The smallest dtype that holds the numbers.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if isinstance(
            tf.distribute.get_strategy(),
            tf.distribute.MultiWorkerMirroredStrategy,
        ):
            return "int32"
    return smallest
