"""Codes of vectors that count more than once."""

import keras
import numpy as np
import pytest
from kd_testing import correlated

import kd_keras

COUNT = 600
WEIGHTS = 1 / np.arange(1, COUNT + 1)


def learned(vectors, weights, composition="linear", **options):
    return kd_keras.learn_codes(
        vectors,
        8,
        4,
        composition,
        effort=0.2,
        verbose=0,
        weights=weights,
        **options,
    )


def errors(vectors, embedding):
    gap = vectors - np.asarray(embedding(np.arange(len(vectors))))
    return np.square(gap).sum(axis=1)


def weighted_errors(vectors, composition, **options):
    weights = WEIGHTS[: len(vectors)]
    return [
        np.average(
            errors(vectors, learned(vectors, given, composition, **options)),
            weights=weights,
        )
        for given in (weights, None)
    ]


@pytest.mark.parametrize(
    "composition, options",
    [
        ("linear", {}),
        ("linear", {"code_dim": 4}),
        ("concat", {}),
        ("residual", {}),
        ("lstm", {}),
    ],
)
@pytest.mark.slow("first")
def test_weights_lower_the_weighted_error(composition, options):
    found, plain = weighted_errors(correlated(COUNT), composition, **options)
    assert found < 0.9 * plain


@pytest.mark.parametrize(
    "composition",
    ["linear", pytest.param("residual", marks=pytest.mark.slow)],
)
def test_and_where_codes_are_learned_from_a_sample(composition, monkeypatch):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 150)
    monkeypatch.setattr("kd_keras.search.learning_sample.TRAINING_ROWS", 200)
    found, plain = weighted_errors(correlated(COUNT), composition)
    assert found < 0.9 * plain


def test_only_ratios_matter_and_any_numbers_will_do(tmp_path):
    vectors = correlated(200)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    counts = np.arange(200, 0, -1)
    want = learned(vectors, counts)
    for table, weights in (
        (vectors, counts.tolist()),
        (vectors, counts * 1e-30),
        (vectors, counts.astype(np.uint8)),
        (mapped, counts * 2.0**40),
    ):
        found = learned(table, weights)
        np.testing.assert_array_equal(found.codes, want.codes)
    assert (learned(vectors, None).codes != want.codes).any()


def test_equal_weights_are_no_weights():
    vectors = correlated(200)
    np.testing.assert_array_equal(
        learned(vectors, np.full(200, 7)).codes, learned(vectors, None).codes
    )


def test_weights_of_the_table_of_a_layer():
    vectors = correlated(200)
    layer = keras.layers.Embedding(200, vectors.shape[1], mask_zero=True)
    layer.build()
    layer.set_weights([vectors])
    weights = WEIGHTS[:200]
    found = learned(layer, weights)
    assert found.mask_zero
    np.testing.assert_array_equal(found.codes, learned(vectors, weights).codes)


@pytest.mark.parametrize(
    "weights, message",
    [
        (np.ones(199), r"one number for each of the 200 vectors.*\(199,\)"),
        (np.ones((200, 1)), r"Received: shape=\(200, 1\)"),
        (3.0, r"Received: shape=\(\)"),
        (np.eye(1, 200)[0], "Received: 0.0 in row 1"),
        (np.linspace(5, -1, 200), "positive and finite.*Received: -0.0"),
        (np.where(np.arange(200) == 3, np.nan, 1), "Received: nan in row 3"),
        (np.where(np.arange(200) == 4, np.inf, 1), "Received: inf in row 4"),
        (np.ones(200, complex), "Received: dtype=complex"),
        (np.ones(200, bool), "Received: dtype=bool"),
        (["a"] * 200, "dtype"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=f"(?s)weights.*{message}"):
        learned(correlated(200), weights)
