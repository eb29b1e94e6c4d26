"""Tests of tiers: which symbols have how many positions."""

import numpy as np
import pytest

from kd_keras.codes.random_codes import random_codes
from kd_keras.codes.sizes import (
    embedding_bytes,
    packed_code_bytes,
    parameter_count,
)
from kd_keras.codes.tiers import Tiers, read_tiers, stored_ranks, tier_config

N, K = 50, 5
TIERS = Tiers((6, 3, 0), (10, 30))


def test_the_lengths_of_tiers():
    assert read_tiers(K, [6, 3, 0], [10, 30], N) == (K, 6, TIERS)
    lengths = TIERS.lengths(N)
    assert lengths.tolist() == [6] * 10 + [3] * 20 + [0] * 20
    assert list(TIERS.parts(N)) == [
        (slice(0, 10), 6),
        (slice(10, 30), 3),
        (slice(30, 50), 0),
    ]


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_kinds_of_sequences(kind):
    assert read_tiers(K, kind([6, 3]), kind([10]), N)[2].ends == (10,)


def test_config_round_trip():
    assert read_tiers(K, **_as_read(tier_config(6, TIERS)))[2] == TIERS
    assert read_tiers(K, **_as_read(tier_config(6, None))) == (K, 6, None)


def _as_read(config):
    return {"D": config["D"], "ends": config["tiers"]}


def test_codes_in_the_order_of_the_ids():
    codes = TIERS.cut(random_codes(N, K, 6, seed=0))
    for row, length in zip(codes, TIERS.lengths(N), strict=True):
        assert not row[length:].any()
    assert TIERS.order_of(codes) is None
    assert stored_ranks(codes, TIERS) is None


def test_codes_in_any_order_have_ranks():
    rng = np.random.default_rng(0)
    codes = TIERS.cut(rng.integers(1, K, (N, 6)))
    shuffled = codes[rng.permutation(N)]
    order = TIERS.order_of(shuffled)
    np.testing.assert_array_equal(TIERS.cut(shuffled[order]), shuffled[order])
    ranks = stored_ranks(shuffled, TIERS)
    assert ranks.dtype == np.int16
    np.testing.assert_array_equal(
        order[ranks.astype(int) + 2**15], np.arange(N)
    )


def test_ranks_beyond_16_bits_are_int32():
    codes = np.zeros((70_000, 2), np.uint8)
    codes[-1] = 1
    ranks = stored_ranks(codes, Tiers((2, 0), (1,)))
    assert ranks.dtype == np.int32 and ranks[-1] == 0
    assert sorted(ranks) == list(range(70_000))


def test_a_code_of_zeros_fits_every_tier():
    codes = np.zeros((N, 6), np.uint8)
    codes[-3:] = 1
    tiers = Tiers((6, 3), (5,))
    assert set(tiers.order_of(codes)[:3]) == {47, 48, 49}


def test_too_many_long_codes_are_refused():
    codes = np.ones((N, 6), np.uint8)
    with pytest.raises(ValueError, match="At most 10 .* than 3 .*: 50 such"):
        TIERS.order_of(codes)


@pytest.mark.parametrize(
    "D, ends, message",
    [
        ((6, 3), None, "need `tiers`"),
        (6, (10,), "one number fewer than D"),
        ((6,), (), "one number fewer than D"),
        ((6, 3), (10, 30), "one number fewer than D"),
        ((6, 6), (10,), "D must fall"),
        ((3, 6), (10,), "D must fall"),
        ((6, -1), (10,), "D=-1"),
        ((6, 3, 1), (10, 10), "must rise"),
        ((6, 3, 1), (30, 10), "must rise"),
        ((6, 3), (0,), "tiers.*=0"),
        ((6, 3), (1.5,), "tiers.*=1.5"),
        ((6, 3), (N,), "below the number of symbols, 50"),
        ((0, 0), (10,), "D=0"),
        ((6, 3), 10, "one number fewer than D"),
        ((6, 3), {10: 1}, "one number fewer than D"),
    ],
)
def test_wrong_tiers(D, ends, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_tiers(K, D, ends, N)
    assert "Received: " in str(caught.value)


def test_bytes_are_those_of_each_tier():
    given = {"D": (6, 3, 0), "tiers": (10, 30)}
    # 3 bits a value: 18 bits in 3 bytes, 9 bits in 2 bytes.
    assert packed_code_bytes(N, K, **given) == 10 * 3 + 20 * 2
    assert packed_code_bytes(N, K, **given, in_order=False) == 70 + 2 * N
    more = {"N": 70_000, "K": K, "D": (6, 0), "tiers": (10,)}
    assert packed_code_bytes(**more, in_order=False) == 30 + 4 * 70_000
    assert parameter_count(N, 8, K, **given).codes == 10 * 6 + 20 * 3
    sizes = embedding_bytes(N, 8, K, **given, bytes_per_float=1)
    assert sizes.total == 70 + 6 * K * 8
