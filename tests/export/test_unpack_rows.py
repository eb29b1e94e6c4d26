"""Tests that a graph unpacks codes as numpy does."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import kd_keras
from kd_keras.export.litert.unpack_rows import unpack_rows

# The smallest and the largest K of every number of bits.
SIZES = sorted({K for b in range(1, 17) for K in (2 ** (b - 1) + 1, 2**b)})


@pytest.mark.parametrize("K", SIZES)
@pytest.mark.parametrize("D", [1, 3, 8])
def test_every_number_of_bits(K, D):
    codes = kd_keras.random_codes(50, K, D, seed=K)
    codes[0], codes[1] = 0, K - 1
    packed = kd_keras.pack_codes(codes, K)
    unpacked = unpack_rows(tf.constant(packed), K, D)
    assert unpacked.dtype == tf.int32
    np.testing.assert_array_equal(unpacked, codes)


@given(st.integers(2, 65_536), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_codes(K, D, seed):
    codes = kd_keras.random_codes(5, K, D, seed)
    packed = kd_keras.pack_codes(codes, K)
    np.testing.assert_array_equal(unpack_rows(tf.constant(packed), K, D), codes)
