"""Tests of codes of several lengths that `learn_codes` finds."""

import keras
import numpy as np
import pytest

import kd_keras
from kd_keras.search import learning_sample, shards

N, DIM, K = 400, 10, 8
TIERS = {"D": (6, 2), "tiers": (80,)}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(N, 4)) @ rng.normal(size=(4, DIM))).astype("f4")


@pytest.fixture(scope="module")
def weights():
    return np.where(np.random.default_rng(1).permutation(N) < 80, 100, 1)


def errors(embedding, table):
    rebuilt = np.asarray(embedding(np.arange(len(table))))
    return np.square(rebuilt - table).sum(axis=1)


def learn(table, **options):
    given = {"K": K, "verbose": 0, "effort": 0.1} | options
    return kd_keras.learn_codes(table, **given)


@pytest.mark.parametrize("code_dim", [None, 5])
def test_the_first_symbols_are_rebuilt_best(table, code_dim):
    embedding = learn(table, code_dim=code_dim, **TIERS)
    assert embedding.tiers.D == (6, 2)
    assert not embedding.codes[80:, 2:].any()
    found = errors(embedding, table)
    assert found[:80].mean() < 0.3 * found[80:].mean()
    # Better than codes of two positions, which cost the tail as much.
    short = errors(learn(table, D=2, code_dim=code_dim), table)
    assert found[:80].mean() < 0.3 * short[:80].mean()
    assert found[80:].mean() < 1.2 * short[80:].mean()


def test_the_heaviest_symbols_are_in_the_first_tier(table, weights):
    embedding = learn(table, weights=weights, **TIERS)
    light = np.argsort(-weights)[80:]
    assert not embedding.codes[light, 2:].any()
    # At equal bytes of codes: 80 * 6 + 320 * 2 = 400 * 2.8.
    flat = np.average(
        errors(learn(table, D=3, weights=weights), table), weights=weights
    )
    tiers = np.average(errors(embedding, table), weights=weights)
    assert tiers < flat


def test_the_same_seed_gives_the_same_codes(table):
    first, second = learn(table, **TIERS), learn(table, **TIERS)
    np.testing.assert_array_equal(first.codes, second.codes)


def test_a_tail_without_positions_shares_a_vector(table):
    embedding = learn(table, D=(6, 2, 0), tiers=(80, 200))
    tail = np.asarray(embedding(np.arange(200, N)))
    assert (tail == tail[0]).all()
    # It is near the mean of the tail, which is all that it can be.
    mean = table[200:].mean(axis=0)
    assert np.square(tail[0] - mean).sum() < 0.1 * table.var(axis=0).sum()


def test_a_large_table(table, weights, monkeypatch):
    monkeypatch.setattr(learning_sample, "LEARNING_ROWS", 200)
    monkeypatch.setattr(shards, "ENCODED_ROWS", 128)
    embedding = learn(table, weights=weights, **TIERS)
    assert embedding.input_dim == N and embedding.tiers.D == (6, 2)
    light = np.argsort(-weights)[80:]
    assert not embedding.codes[light, 2:].any()
    found = errors(embedding, table)
    assert found[np.argsort(-weights)[:80]].mean() < 0.3 * found[light].mean()


def test_a_small_first_tier_of_a_large_table_is_learned_from(
    table, monkeypatch
):
    monkeypatch.setattr(learning_sample, "LEARNING_ROWS", 100)
    embedding = learn(table, D=(6, 2), tiers=(16,))
    found = errors(embedding, table)
    assert found[:16].mean() < 0.3 * found[16:].mean()


def test_the_table_of_a_layer(table):
    layer = keras.layers.Embedding(N, DIM, mask_zero=True)
    layer.build()
    layer.set_weights([table])
    embedding = learn(layer, **TIERS)
    assert embedding.mask_zero and embedding.tiers.ends == (80,)


def test_encode_with_lengths(table):
    embedding = learn(table, **TIERS)
    lengths = np.array([6, 2, 0] * 10)
    codes = embedding.encode(table[:30], lengths=lengths)
    for code, length in zip(codes, lengths, strict=True):
        assert not code[length:].any()
    long = embedding.encode(table[:30:3])
    np.testing.assert_allclose(
        embedding.composition(long),
        embedding.composition(codes[::3]),
        atol=1.0,
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tiers": (4,)}, "at least K vectors in the first tier.*: 4 vec"),
        ({"tiers": (N,)}, "below the number of symbols"),
        ({"composition": "lstm"}, "linear composition only"),
        ({"composition": "concat", "D": (5, 2)}, "linear composition only"),
        ({"D": 6}, "one number fewer than D"),
    ],
)
def test_wrong_tiers_are_refused_before_the_work(table, options, message):
    with pytest.raises(ValueError, match=message):
        learn(table, **TIERS | options)
