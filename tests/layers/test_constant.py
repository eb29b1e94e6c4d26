"""Tests of arrays that are no inputs of a model."""

import keras
import numpy as np
import pytest
from keras import ops

from kd_keras.layers.constant import Constant


@pytest.mark.parametrize("shape", [(), (0, 4), (2, 3)])
@pytest.mark.parametrize("dtype", ["int32", "float32", "bfloat16", "bool"])
def test_a_constant_is_what_it_was_given(shape, dtype):
    values = np.ones(shape)
    layer = Constant(values, dtype)
    copy = Constant.from_config(layer.get_config())
    for x in (layer, copy):
        found = x(np.zeros(3))
        spec = x(keras.KerasTensor((None, 3)))
        assert found.shape == spec.shape == shape
        assert keras.backend.standardize_dtype(found.dtype) == dtype
        assert spec.dtype == dtype
        np.testing.assert_array_equal(ops.cast(found, "float32"), values)
