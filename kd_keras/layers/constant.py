"""An array that is no input of a model, such as positions, in its graph."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="kd_keras")
class Constant(keras.layers.Layer):
    """Returns the same array whatever it is called on.

    Args:
        values: array of numbers, or nested lists of them.
        dtype: str. The dtype of the array.
        shape: tuple of int, or None for that of `values`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        values: Any,
        dtype: str,
        shape: tuple[int, ...] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=False, **kwargs)
        # numpy has no bfloat16.
        array = np.asarray(values, "float32" if dtype == "bfloat16" else dtype)
        self._array = array if shape is None else array.reshape(shape)
        self._array_dtype = dtype
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.convert_to_tensor(self._array, dtype=self._array_dtype)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self._array.shape, self._array_dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]
        # The dtype of the array stands in the place of the layer's policy.
        return config | {
            "values": self._array.tolist(),
            "dtype": self._array_dtype,
            "shape": self._array.shape,
        }
