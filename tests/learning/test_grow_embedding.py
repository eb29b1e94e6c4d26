"""Tests of growing vocabularies: new codes for fixed code embeddings."""

import keras
import numpy as np
import pytest
from kd_testing import as_numpy

import kd_keras
from kd_keras.search import shards

KNOWN, NEW = 120, 30


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    sheet = rng.normal(size=(KNOWN + NEW, 3)) @ rng.normal(size=(3, 8))
    return (sheet + 0.1 * rng.normal(size=sheet.shape)).astype("f4")


@pytest.fixture(
    scope="module", params=["linear", "H", "concat", "lstm", "residual"]
)
def embedding(request, vectors):
    if request.param in ("lstm", "residual"):  # learning takes a while
        return kd_keras.KDEmbedding(
            KNOWN, 8, 4, 4, composition=request.param, seed=0
        )
    given = {"composition": request.param}
    if request.param == "H":
        given = {"code_dim": 4}
    return kd_keras.learn_codes(vectors[:KNOWN], 4, 4, **given, verbose=0)


def weights(layer):
    return [as_numpy(w) for w in layer.composition.weights]


@pytest.mark.slow
def test_known_symbols_stay_and_new_ones_get_their_codes(embedding, vectors):
    grown = kd_keras.grow_embedding(embedding, vectors[KNOWN:])
    assert grown.input_dim == KNOWN + NEW
    codes = embedding.encode(vectors[KNOWN:])
    np.testing.assert_array_equal(grown.codes[:KNOWN], embedding.codes)
    np.testing.assert_array_equal(grown.codes[KNOWN:], codes)
    for a, b in zip(weights(grown), weights(embedding), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        as_numpy(grown(np.arange(KNOWN))), as_numpy(embedding(np.arange(KNOWN)))
    )
    np.testing.assert_allclose(
        as_numpy(grown(np.arange(KNOWN, KNOWN + NEW))),
        as_numpy(embedding.composition(codes)),
        atol=1e-5,
    )


def test_the_grown_one_has_its_own_weights_and_can_be_saved(
    embedding, vectors, tmp_path
):
    grown = kd_keras.grow_embedding(embedding, vectors[KNOWN:])
    before = weights(embedding)
    for weight in grown.composition.weights:
        weight.assign(weight + 1)
    for a, b in zip(weights(embedding), before, strict=True):
        np.testing.assert_array_equal(a, b)
    ids = np.arange(KNOWN + NEW)
    keras.Sequential([keras.Input((), dtype="int32"), grown]).save(
        tmp_path / "grown.keras"
    )
    loaded = keras.saving.load_model(tmp_path / "grown.keras")
    np.testing.assert_array_equal(as_numpy(loaded(ids)), as_numpy(grown(ids)))


def test_learned_codes_become_fixed(vectors):
    learning = kd_keras.KDEmbedding(KNOWN, 8, 4, 3, codes="learn", name="words")
    grown = kd_keras.grow_embedding(learning, vectors[KNOWN:])
    assert grown.learner is None and grown.name == "words"
    np.testing.assert_array_equal(grown.codes[:KNOWN], learning.codes)


def test_a_mapped_table_of_any_precision_is_encoded_block_by_block(
    vectors, tmp_path, monkeypatch
):
    embedding = kd_keras.learn_codes(vectors[:KNOWN], 4, 4, verbose=0)
    monkeypatch.setattr(shards, "ENCODED_ROWS", 50)
    whole = embedding.encode(vectors.astype("f2"))
    np.save(tmp_path / "table.npy", vectors.astype("f2"))
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    np.testing.assert_array_equal(embedding.encode(mapped), whole)
    blocks = [embedding.encode(mapped[i : i + 50]) for i in (0, 50, 100)]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 7)), r"output_dim=8 columns. Received: shape=\(2, 7\)"),
        (np.zeros((0, 8)), r"Received: shape=\(0, 8\)"),
        (np.full((2, 8), np.nan), "nan in row 0"),
    ],
)
def test_bad_vectors_are_refused(bad, message):
    embedding = kd_keras.KDEmbedding(KNOWN, 8, 4, 3)
    with pytest.raises(ValueError, match=message):
        kd_keras.grow_embedding(embedding, bad)
