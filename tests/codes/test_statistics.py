"""Tests of statistics and groups of codes against plain Python loops."""

import collections
import importlib
import json
import math

import numpy as np
import pytest

from kd_keras.codes.random_codes import compact_codes, random_codes
from kd_keras.codes.shared_codes import (
    collisions,
    distinct_codes,
    format_groups,
    symbol_groups,
)
from kd_keras.codes.statistics import (
    code_perplexity,
    code_statistics,
    nearest_code_distance,
    unused_values,
    value_counts,
)

# Imported by name, since `kd_keras.codes.statistics` may be the function.
module = importlib.import_module("kd_keras.codes.statistics")

SIZES = [(40, 3, 2), (60, 2, 9), (50, 300, 3), (30, 300, 7), (30, 2, 300)]


def table(N, K, D):
    """Draws random codes; every third symbol has the code of another."""
    codes = random_codes(N, K, D, seed=N)
    codes[::3] = codes[1::3][: len(codes[::3])][[0]]
    return codes


def nearest_plainly(codes):
    return [
        min(
            sum(a != b for a, b in zip(code, other, strict=True))
            for j, other in enumerate(codes)
            if i != j
        )
        for i, code in enumerate(codes)
    ]


@pytest.mark.parametrize("N, K, D", SIZES)
def test_statistics_equal_plain_loops(N, K, D):
    codes = table(N, K, D)
    rows = [tuple(code) for code in codes.tolist()]
    of_code = collections.Counter(rows)
    s = code_statistics(codes, K)
    assert (s.N, s.K, s.D) == (N, K, D)
    for j in range(D):
        of_value = collections.Counter(row[j] for row in rows)
        bits = -sum(n / N * math.log2(n / N) for n in of_value.values())
        assert s.entropy[j] == pytest.approx(bits, abs=1e-12)
        assert s.perplexity[j] == pytest.approx(2**bits)
        assert s.unused[j] == K - len(of_value)
    assert s.unused_total == sum(s.unused) == unused_values(codes, K)
    assert code_perplexity(codes, K) == pytest.approx(np.mean(s.perplexity))
    assert s.distinct == len(of_code) == distinct_codes(codes)
    assert s.distinct_share == len(of_code) / N
    shared = sum(n for n in of_code.values() if n > 1)
    assert s.collisions == shared == collisions(codes) > 0
    nearest = nearest_plainly(rows)
    assert s.hamming_rows == N
    assert s.hamming_mean == pytest.approx(np.mean(nearest))
    assert s.hamming_min == min(nearest)
    assert s.hamming_histogram == tuple(nearest.count(h) for h in range(D + 1))


@pytest.mark.parametrize("N, K, D", SIZES)
def test_nearest_distance_in_blocks(N, K, D):
    codes = random_codes(N, K, D, seed=1)
    rows = np.array([N - 1, 3, 0, 7])
    # 10,000 rows are more than one block of 2**18 pairs, for each N here.
    nearest = nearest_code_distance(codes, np.tile(rows, 2_500))
    wanted = np.array(nearest_plainly(codes.tolist()))[rows]
    assert (nearest == np.tile(wanted, 2_500)).all()


def test_beyond_the_limit_a_seeded_sample_is_measured():
    codes = compact_codes(3_000, 8, 6, seed=0)
    exact = code_statistics(codes, 8)
    sample = code_statistics(codes, 8, seed=1, exact_limit=2_999)
    assert exact.hamming_rows == 3_000 and sample.hamming_rows == 1_000
    assert sum(sample.hamming_histogram) == 1_000
    assert sample.hamming_mean == pytest.approx(exact.hamming_mean, rel=0.05)
    assert sample == code_statistics(codes, 8, seed=1, exact_limit=2_999)
    assert sample != code_statistics(codes, 8, seed=2, exact_limit=2_999)


def test_a_sample_that_misses_the_collision_still_reports_it(monkeypatch):
    monkeypatch.setattr(module, "PAIR_LIMIT", 200)
    codes = np.arange(200)[:, None].repeat(4, axis=1)
    codes[199] = codes[198]
    s = code_statistics(codes, 200, exact_limit=100)
    assert s.hamming_rows == 1 and s.hamming_mean == 4
    assert s.collisions == 2 and s.hamming_min == 0


def test_known_values():
    s = code_statistics([[0, 0], [1, 0], [2, 0], [3, 0]], K=4)
    assert s.entropy == (2, 0) and s.perplexity == (4, 1)
    assert math.copysign(1, s.entropy[1]) == 1  # no -0.0 for people to read
    assert s.unused == (0, 3) and s.hamming_histogram == (0, 4, 0)
    assert s.collisions == 0 and s.distinct_share == 1


def test_one_symbol_has_no_neighbour():
    s = code_statistics([[1, 2, 3]], K=4)
    assert s.hamming_mean is None and s.hamming_min is None
    assert s.hamming_histogram == (0, 0, 0, 0) and s.hamming_rows == 0
    assert s.collisions == 0 and s.distinct_share == 1


def test_to_dict_is_plain_json():
    s = code_statistics(table(40, 3, 2), 3)
    told = s.to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["unused"] == list(s.unused) and told["N"] == 40


def test_no_codes():
    empty = np.zeros((0, 3), int)
    for function in (code_statistics, code_perplexity):
        with pytest.raises(ValueError, match=r"one row.*shape=\(0, 3\)"):
            function(empty, 4)
    assert distinct_codes(empty) == collisions(empty) == 0
    assert symbol_groups(empty) == [] and format_groups(empty, []) == ""
    assert unused_values(empty, 4) == 12


@pytest.mark.parametrize("N, K, D", SIZES)
def test_value_counts(N, K, D):
    codes = table(N, K, D)
    counts = value_counts(codes, K)
    assert counts.shape == (D, K)
    for j, k in [(0, 0), (D - 1, K - 1), (D - 1, int(codes[0, -1]))]:
        assert counts[j, k] == (codes[:, j] == k).sum()
    assert counts.sum() == N * D


@pytest.mark.parametrize("N, K, D", SIZES)
def test_groups_hold_every_symbol_once_in_order(N, K, D):
    codes = table(N, K, D)
    groups = symbol_groups(codes)
    assert sorted(np.concatenate(groups).tolist()) == list(range(N))
    told = [(-len(g), tuple(codes[g[0]].tolist())) for g in groups]
    assert told == sorted(told) and len({code for _, code in told}) == len(told)
    for group in groups:
        assert (codes[group] == codes[group[0]]).all()
        assert (np.diff(group) > 0).all()


def test_groups_are_ordered_by_number_not_by_byte():
    groups = symbol_groups([[256, 1], [255, 9], [1, 300]])
    assert [g.tolist() for g in groups] == [[2], [1], [0]]


def test_format_groups_prints_table_2():
    days = ["week", "tuesday", "wednesday", "monday", "thursday"]
    codes = [[3, 1, 0, 4]] * 5 + [[3, 1, 1, 1]] * 2 + [[0, 0, 0, 12]]
    words = [*days, "year", "month", "alone"]
    assert format_groups(codes, words, words_per_group=3) == (
        "3-1-0-4: week tuesday wednesday ...\n3-1-1-1: year month"
    )
    assert format_groups(codes, words, most=1) == (
        "3-1-0-4: week tuesday wednesday monday thursday"
    )
    assert format_groups(codes, None, most=1) == "3-1-0-4: 0 1 2 3 4"
    assert format_groups(codes, words, words_per_group=5).startswith(
        "3-1-0-4: week tuesday wednesday monday thursday\n"
    )


def test_format_groups_wants_one_word_per_code():
    with pytest.raises(ValueError, match="Received: 1 words, 2 codes$"):
        format_groups([[1, 2], [1, 2]], ["one"])


@pytest.mark.parametrize("function", [distinct_codes, collisions])
def test_helpers_refuse_floats(function):
    with pytest.raises(ValueError, match="integer dtype"):
        function([[0.5, 1.0]])
