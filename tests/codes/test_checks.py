"""Tests of the checks of codes and of random codes."""

import numpy as np
import pytest

from kd_keras.codes.checks import (
    check_codes,
    check_kd,
    code_bits,
    code_dtype,
    row_keys,
)
from kd_keras.codes.random_codes import compact_codes, random_codes


@pytest.mark.parametrize("K", [1, 0, -3, 65_537, True, 16.0, "16", None])
def test_check_kd_refuses_a_wrong_k(K):
    with pytest.raises(ValueError, match="^K must be .* 65536. Received: K="):
        check_kd(K, 4)


@pytest.mark.parametrize("D", [0, -1, True, 2.5, None])
def test_check_kd_refuses_a_wrong_d(D):
    with pytest.raises(ValueError, match="^D must be .* Received: D="):
        check_kd(4, D)


def test_check_kd_quotes_what_it_received_in_one_line():
    with pytest.raises(ValueError) as error:
        check_kd(1, 4)
    assert str(error.value).endswith("Received: K=1")
    assert "\n" not in str(error.value)


def test_check_kd_returns_python_integers():
    K, D = check_kd(np.uint16(65_535), np.int8(100))
    assert type(K) is int and type(D) is int
    assert K**D == 65_535**100  # a numpy integer would have overflowed


@pytest.mark.parametrize(
    "K, bits",
    [(2, 1), (3, 2), (4, 2), (5, 3), (255, 8), (256, 8), (257, 9)]
    + [(32_768, 15), (32_769, 16), (65_536, 16)],
)
def test_code_bits_is_exact_at_powers_of_two(K, bits):
    assert code_bits(K) == bits
    assert 2 ** (bits - 1) < K <= 2**bits


def test_code_dtype_changes_after_256():
    assert [code_dtype(K) for K in (2, 256)] == [np.uint8] * 2
    assert [code_dtype(K) for K in (257, 65_536)] == [np.uint16] * 2


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint64, ">i2"])
def test_check_codes_returns_the_compact_dtype(dtype):
    codes = check_codes(np.array([[0, 3], [2, 1]], dtype), 4, D=2, input_dim=2)
    assert codes.dtype == np.uint8
    assert codes.tolist() == [[0, 3], [2, 1]]
    assert check_codes([[299]], 300).dtype == np.uint16


def test_check_codes_does_not_copy_what_is_right():
    codes = np.zeros((3, 2), np.uint8)
    assert check_codes(codes, 4) is codes


def test_check_codes_accepts_no_rows():
    assert check_codes(np.zeros((0, 5), np.int64), 4).shape == (0, 5)


@pytest.mark.parametrize("value", [4, -1, 10**12])
def test_check_codes_names_the_first_wrong_value(value):
    codes = np.zeros((5, 3), np.int64)
    codes[2, 1] = codes[4, 0] = value
    with pytest.raises(ValueError, match=rf" {value} in row 2, position 1$"):
        check_codes(codes, 4)


@pytest.mark.parametrize(
    "codes, what",
    [
        (np.zeros((2, 3), np.float32), "integer dtype. .*float32"),
        (np.zeros((2, 3), bool), "integer dtype. .*bool"),
        (np.zeros((2, 3), object), "integer dtype. .*object"),
        (np.zeros(3, int), r"shape \(N, D\).*shape=\(3,\)"),
        (np.zeros((2, 3, 4), int), r"shape \(N, D\).*shape=\(2, 3, 4\)"),
        (np.zeros((2, 0), int), r"shape \(N, D\).*shape=\(2, 0\)"),
        ([[1, 2], [3]], "rectangular.*Received: a list"),
    ],
)
def test_check_codes_refuses_wrong_arrays(codes, what):
    with pytest.raises(ValueError, match=what):
        check_codes(codes, 4)


def test_check_codes_refuses_wrong_sizes():
    codes = np.zeros((5, 3), int)
    with pytest.raises(ValueError, match=r"D=2 positions.*shape=\(5, 3\)"):
        check_codes(codes, 4, D=2)
    with pytest.raises(ValueError, match=r"input_dim=6 rows.*shape=\(5, 3\)"):
        check_codes(codes, 4, input_dim=6)


@pytest.mark.parametrize("K", [2, 256, 257, 65_536])
def test_random_codes_fill_their_range(K):
    codes = random_codes(1_000, K, 700, seed=1)
    assert codes.shape == (1_000, 700) and codes.dtype == code_dtype(K)
    assert codes.min() == 0 and codes.max() == K - 1
    # The mean of 700,000 uniform values is within 5 of its standard errors.
    deviation = (K**2 - 1) ** 0.5 / 12**0.5 / codes.size**0.5
    assert abs(codes.mean() - (K - 1) / 2) < 5 * deviation


@pytest.mark.parametrize("draw", [random_codes, compact_codes])
def test_the_seed_decides(draw):
    assert (draw(50, 7, 4, seed=3) == draw(50, 7, 4, seed=3)).all()
    assert (draw(50, 7, 4, seed=3) != draw(50, 7, 4, seed=4)).any()


@pytest.mark.parametrize("N", [0, -1, 1.5, True])
@pytest.mark.parametrize("draw", [random_codes, compact_codes])
def test_draws_refuse_a_wrong_n(draw, N):
    with pytest.raises(ValueError, match="^N must be .* Received: N="):
        draw(N, 4, 4, seed=0)


@pytest.mark.parametrize(
    "N, K, D",
    [
        (1, 2, 1),
        (2, 2, 1),
        (256, 2, 8),  # every code
        (81, 3, 4),
        (65_536, 65_536, 1),
        (128, 2, 8),  # exactly half
        (127, 2, 8),  # just below half: drawn, and repeated codes rejected
        (280, 17, 2),  # of 289
        (10_000, 50, 10),
        (1_000, 65_536, 300),  # K**D has 1,445 digits
    ],
)
def test_compact_codes_all_differ(N, K, D):
    codes = compact_codes(N, K, D, seed=2)
    assert codes.shape == (N, D) and codes.dtype == code_dtype(K)
    assert codes.max() < K
    assert len({tuple(code) for code in codes.tolist()}) == N


@pytest.mark.parametrize("N", [3, 6, 9])
def test_compact_codes_are_uniform(N):
    counts = np.zeros((N, 3, 3))
    for seed in range(900):
        for symbol, code in enumerate(compact_codes(N, 3, 2, seed)):
            counts[symbol][tuple(code)] += 1
    # Each symbol gets each of the 9 codes 100 times out of 900, +- 5 sigma.
    assert np.abs(counts - 100).max() < 50


def test_compact_codes_refuse_too_small_a_space():
    with pytest.raises(ValueError, match=r"K\*\*D=81, N=82$"):
        compact_codes(82, 3, 4, seed=0)


@pytest.mark.parametrize("K, D", [(4, 3), (4, 8), (4, 9), (300, 4), (300, 5)])
def test_row_keys_sort_as_codes_do(K, D):
    codes = random_codes(500, K, D, seed=5)
    codes[250:] = codes[:250]
    codes[:250, -1] = 0  # many rows that differ in the last position only
    sorted_codes = codes[np.argsort(row_keys(codes), kind="stable")].tolist()
    assert sorted_codes == sorted(codes.tolist())
    assert len(np.unique(row_keys(codes))) == len(set(map(tuple, codes)))
