"""Integers that are no input of a model, such as positions, in its graph."""

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
        **kwargs: Keyword arguments of `keras.layers.Layer`.
    """

    def __init__(self, values: Any, dtype: str, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.values = np.asarray(values, dtype).tolist()
        self.values_dtype = dtype
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.convert_to_tensor(self.values, dtype=self.values_dtype)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(np.shape(self.values), self.values_dtype)

    def get_config(self) -> dict[str, Any]:
        # A dtype policy would be of no use: integers stay what they are.
        config = super().get_config()
        del config["trainable"]
        return config | {"values": self.values, "dtype": self.values_dtype}
