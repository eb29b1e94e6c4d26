"""Tests of the check of integers that every size goes through."""

import keras
import numpy as np
import pytest

import kd_keras
from kd_keras.utils.checks import check_integer


@pytest.mark.parametrize(
    "value", [7, np.int64(7), np.uint8(7), np.array(7)], ids=repr
)
def test_every_kind_of_integer_becomes_an_int(value):
    found = check_integer("N", value)
    assert type(found) is int
    assert found == 7


def test_a_tensor_is_an_integer_too():
    assert check_integer("N", keras.ops.convert_to_tensor(7)) == 7


@pytest.mark.parametrize(
    "value",
    [True, np.True_, 7.0, np.float32(7), "7", None, np.array([7]), 0, -1],
    ids=repr,
)
def test_nothing_else_is(value):
    with pytest.raises(ValueError, match="^N must be a positive integer. Rec"):
        check_integer("N", value)


def test_a_bound_is_told():
    with pytest.raises(ValueError, match="integer, at most 5. Received: N=6"):
        check_integer("N", 6, high=5)
    with pytest.raises(ValueError, match="from 2 to 65536. Received: K=65537"):
        kd_keras.parameter_count(10, 4, 65537, 2)


def test_sizes_may_exceed_32_bits():
    count = kd_keras.parameter_count(2**33, 4, 4, 2)
    assert count.conventional == 2**35


def test_a_numpy_size_is_saved_as_an_integer():
    layer = kd_keras.KDEmbedding(20, np.int64(4), np.int64(4), np.int64(2))
    sizes = [layer.get_config()[name] for name in ("output_dim", "K", "D")]
    assert [type(size) for size in sizes] == [int, int, int]
