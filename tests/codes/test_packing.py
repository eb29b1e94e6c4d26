"""Tests of kd_keras.codes.packing against a loop over bits in plain Python."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from kd_keras.codes import packing
from kd_keras.codes.checks import code_bits, code_dtype
from kd_keras.codes.packing import pack_codes, packed_width, unpack_codes
from kd_keras.codes.random_codes import random_codes

settings = hypothesis.settings(
    derandomize=True, deadline=None, max_examples=200, database=None
)


@st.composite
def tables(draw):
    """Draws K near the powers of two and elsewhere, N from 0, any D."""
    near = st.integers(1, 16).flatmap(
        lambda b: st.sampled_from([2**b - 1, 2**b, 2**b + 1])
    )
    K = draw((near | st.integers(2, 65_536)).filter(lambda K: 2 <= K <= 65_536))
    N, D = draw(st.integers(0, 12)), draw(st.integers(1, 40))
    codes = random_codes(N + 1, K, D, draw(st.integers(0, 2**32)))[:N]
    extreme = draw(st.sampled_from([None, 0, K - 1]))
    if extreme is not None:
        codes[:] = extreme
    return codes, K


def pack_plainly(codes, K):
    """Packs codes by the definition, one bit at a time."""
    b = code_bits(K)
    rows = []
    for code in codes.tolist():
        row = bytearray(-(-len(code) * b // 8))
        for j, value in enumerate(code):
            for i in range(b):
                bit = j * b + i
                row[bit // 8] |= (value >> i & 1) << bit % 8
        rows.append(list(row))
    return rows


@settings
@hypothesis.given(tables())
def test_equals_a_loop_over_bits_and_back(table):
    codes, K = table
    packed = pack_codes(codes, K)
    assert packed.dtype == np.uint8
    assert packed.shape == (len(codes), packed_width(K, codes.shape[1]))
    assert packed.tolist() == pack_plainly(codes, K)
    unpacked = unpack_codes(packed, K, codes.shape[1])
    assert unpacked.dtype == code_dtype(K)
    assert unpacked.shape == codes.shape and (unpacked == codes).all()


@settings
@hypothesis.given(tables(), st.randoms(use_true_random=False))
def test_rows_are_packed_by_themselves(table, random):
    codes, K = table
    hypothesis.assume(len(codes))
    some = [random.randrange(len(codes)) for _ in range(5)]
    packed = pack_codes(codes, K)
    assert (pack_codes(codes[some], K) == packed[some]).all()
    gathered = unpack_codes(packed[some], K, codes.shape[1])
    assert (gathered == codes[some]).all()


@pytest.mark.parametrize("K", [3, 300])
def test_blocks_join(monkeypatch, K):
    codes = random_codes(1_000, K, 13, seed=0)
    whole = pack_codes(codes, K)
    monkeypatch.setattr(packing, "BLOCK_BITS", 1_000)
    assert (pack_codes(codes, K) == whole).all()
    assert (unpack_codes(whole, K, 13) == codes).all()
    monkeypatch.setattr(packing, "BLOCK_BITS", 1)  # less than one row
    assert (pack_codes(codes, K) == whole).all()
    broken = whole.copy()
    broken[777] = 255
    with pytest.raises(ValueError, match="row 777"):
        unpack_codes(broken, K, 13)


def test_strided_and_big_endian_codes():
    codes = random_codes(40, 1_000, 6, seed=0)
    wanted = pack_codes(codes[::2, ::3].copy(), 1_000)
    assert (pack_codes(codes[::2, ::3], 1_000) == wanted).all()
    assert (pack_codes(codes[::2, ::3].astype(">i8"), 1_000) == wanted).all()
    wide = np.repeat(wanted, 2, axis=1)[:, ::2]
    assert (unpack_codes(wide, 1_000, 2) == codes[::2, ::3]).all()


def test_width():
    assert [packed_width(K, 3) for K in (2, 16, 17, 256, 257, 65_536)] == [
        1,
        2,
        2,
        3,
        4,
        6,
    ]


def test_pack_refuses_codes_out_of_range():
    with pytest.raises(ValueError, match="16 in row 1, position 0$"):
        pack_codes([[15], [16]], K=16)


@pytest.mark.parametrize(
    "packed, what",
    [
        (np.zeros((2, 4), np.int8), "uint8. Received: dtype=int8"),
        (np.zeros((2, 4), np.uint16), "uint8. Received: dtype=uint16"),
        (np.zeros((2, 5), np.uint8), r"\(N, 4\).*shape=\(2, 5\)"),
        (np.zeros((2, 3), np.uint8), r"\(N, 4\).*shape=\(2, 3\)"),
        (np.zeros(4, np.uint8), r"\(N, 4\).*shape=\(4,\)"),
    ],
)
def test_unpack_refuses_wrong_arrays(packed, what):
    with pytest.raises(ValueError, match=what):
        unpack_codes(packed, K=50, D=5)


@pytest.mark.parametrize("bit", [30, 31])
def test_unpack_refuses_bits_beyond_the_row(bit):
    packed = np.zeros((3, 4), np.uint8)
    packed[1, bit // 8] = 1 << bit % 8
    with pytest.raises(ValueError, match="2 zero bits.*row 1$"):
        unpack_codes(packed, K=50, D=5)
    packed[1, 3] = 1 << 5  # bit 29 belongs to the last value
    assert unpack_codes(packed, K=50, D=5).tolist()[1] == [0, 0, 0, 0, 32]


@pytest.mark.parametrize(
    "K, value", [(50, 50), (50, 63), (1_000, 1_000), (1_000, 1_023)]
)
def test_unpack_refuses_values_that_k_does_not_have(K, value):
    codes = np.zeros((4, 3), np.uint16)
    codes[2, 1] = value
    packed = pack_codes(codes, value + 1)  # of the same width
    with pytest.raises(ValueError, match=f" {value} in row 2, position 1$"):
        unpack_codes(packed, K, 3)
