"""Tests of learning the codes of given vectors."""

import numpy as np
import pytest

import kd_keras
from kd_keras.learning import learn_composition
from kd_keras.search.fit_additive import fit_additive


@pytest.fixture(scope="module")
def vectors():
    """600 vectors of 12 dimensions on a curved sheet of 4."""
    rng = np.random.default_rng(0)
    sheet = rng.normal(size=(600, 4)) @ rng.normal(size=(4, 12))
    return (np.tanh(sheet) + 0.05 * rng.normal(size=(600, 12))).astype("f4")


@pytest.fixture(scope="module")
def lstm(vectors):
    return kd_keras.learn_codes(vectors, 8, 4, composition="lstm", verbose=0)


@pytest.fixture
def few_steps(monkeypatch):
    """Shortens training in tests that do not need a well trained layer."""
    monkeypatch.setattr(learn_composition, "TURNS", 2)
    monkeypatch.setattr(learn_composition, "LEAST_STEPS", 20)


def error(vectors, embedding):
    rebuilt = np.asarray(embedding(np.arange(len(vectors))))
    return np.square(vectors - rebuilt).sum(axis=1).mean()


def test_linear_gives_the_codes_of_the_search(vectors):
    embedding = kd_keras.learn_codes(vectors, K=8, D=4, seed=3, verbose=0)
    codes, tables = fit_additive(vectors, 8, 4, 3)
    np.testing.assert_array_equal(embedding.codes, codes)
    np.testing.assert_allclose(
        np.asarray(embedding(np.arange(600))),
        tables[np.arange(4), codes].sum(axis=1),
        atol=1e-5,
    )


def test_defaults_are_k_16_d_32_linear(vectors):
    embedding = kd_keras.learn_codes(vectors[:100], verbose=0)
    assert (embedding.K, embedding.D) == (16, 32)
    assert isinstance(embedding.composition, kd_keras.LinearComposition)
    assert embedding.code_dim == 12


@pytest.mark.parametrize(
    "composition", ["linear", "concat", "lstm", "residual"]
)
@pytest.mark.usefixtures("few_steps")
@pytest.mark.slow("first")
def test_the_same_seed_gives_the_same_codes(vectors, composition):
    first, again, other = (
        kd_keras.learn_codes(
            vectors, 8, 4, composition, seed=seed, verbose=0, effort=0.1
        )
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.codes, again.codes)
    for a, b in zip(
        first.composition.get_weights(),
        again.composition.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert (first.codes != other.codes).any()


def test_a_narrow_h_spans_the_strongest_directions(vectors):
    full = kd_keras.learn_codes(vectors, 8, 4, verbose=0)
    narrow = kd_keras.learn_codes(vectors, 8, 4, code_dim=5, verbose=0)
    assert narrow.composition.kernel.shape == (5, 12)
    energies = np.linalg.svd(vectors, compute_uv=False) ** 2 / 600
    # No code can be better than the subspace; good codes are not much worse.
    outside = energies[5:].sum()
    assert outside < error(vectors, narrow) < error(vectors, full) + outside


def test_concat_is_k_means_in_each_slice(vectors):
    embedding = kd_keras.learn_codes(
        vectors, 8, 4, composition="concat", verbose=0
    )
    tables = embedding.composition.get_weights()[0]
    for j in range(4):
        part = vectors[:, 3 * j : 3 * j + 3]
        distances = np.square(part[:, None] - tables[j]).sum(axis=-1)
        np.testing.assert_array_equal(
            embedding.codes[:, j], distances.argmin(axis=1)
        )


@pytest.mark.slow
def test_lstm_starts_from_the_linear_codes_and_passes_them(vectors, lstm):
    linear = kd_keras.learn_codes(vectors, 8, 4, verbose=0)
    assert error(vectors, lstm) < 0.97 * error(vectors, linear)


@pytest.mark.slow
def test_residual_is_far_better_than_linear_on_a_curved_sheet(vectors):
    linear, residual = (
        kd_keras.learn_codes(vectors, 8, 4, composition=name, verbose=0)
        for name in ("linear", "residual")
    )
    assert error(vectors, residual) < 0.7 * error(vectors, linear)


@pytest.mark.parametrize(
    ("name", "kind", "code_dim"),
    [
        ("linear", kd_keras.LinearComposition, None),
        ("linear", kd_keras.LinearComposition, 5),
        ("concat", kd_keras.ConcatComposition, None),
        ("residual", kd_keras.ResidualComposition, None),
    ],
)
@pytest.mark.usefixtures("few_steps")
@pytest.mark.slow
def test_a_layer_is_learned_as_its_name(vectors, name, kind, code_dim):
    layer = kind(8, 4, 12, code_dim)
    of_name = kd_keras.learn_codes(
        vectors, 8, 4, name, code_dim, verbose=0, effort=0.1
    )
    of_layer = kd_keras.learn_codes(vectors, 8, 4, layer, verbose=0, effort=0.1)
    assert of_layer.composition is layer
    np.testing.assert_array_equal(of_layer.codes, of_name.codes)
    for a, b in zip(
        layer.get_weights(), of_name.composition.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_composition_layer_is_trained_in_place(vectors):
    composition = kd_keras.LSTMComposition(8, 4, 12, code_dim=6)
    embedding = kd_keras.learn_codes(
        vectors, 8, 4, composition=composition, verbose=0
    )
    assert embedding.composition is composition
    variance = np.square(vectors - vectors.mean(axis=0)).sum(axis=1).mean()
    assert error(vectors, embedding) < 0.5 * variance


@pytest.mark.usefixtures("few_steps")
@pytest.mark.slow
def test_a_large_table_is_learned_on_a_sample(vectors, monkeypatch, capsys):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 400)
    monkeypatch.setattr("kd_keras.search.learning_sample.TRAINING_ROWS", 500)
    monkeypatch.setattr("kd_keras.search.shards.ENCODED_ROWS", 250)
    composition = kd_keras.LSTMComposition(4, 3, 12)
    for kind, rows in (("linear", 400), (composition, 500)):
        sample = kd_keras.learn_codebooks(vectors, 4, 3, kind, verbose=0)
        assert sample.input_dim == rows
    embedding = kd_keras.learn_codes(vectors, 4, 3, composition, verbose=1)
    assert embedding.input_dim == 600
    assert embedding.composition is composition
    assert "Encoding" in capsys.readouterr().err
    variance = np.square(vectors - vectors.mean(axis=0)).sum(axis=1).mean()
    assert error(vectors, embedding) < variance


def test_a_memory_map_gives_what_the_array_gives(vectors, tmp_path):
    np.save(tmp_path / "table.npy", vectors)
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        kd_keras.learn_codes(mapped, 8, 4, verbose=0).codes,
        kd_keras.learn_codes(vectors, 8, 4, verbose=0).codes,
    )


@pytest.mark.parametrize(
    ("composition", "code_dim"),
    [
        ("linear", None),
        ("linear", 6),
        ("concat", None),
        ("lstm", None),
        ("residual", None),
        ("residual", 6),
    ],
)
@pytest.mark.usefixtures("few_steps")
@pytest.mark.slow("first")
def test_encode_finds_codes_of_unseen_vectors(vectors, composition, code_dim):
    known, unseen = vectors[:500], vectors[500:]
    embedding = kd_keras.learn_codes(
        known, 8, 4, composition=composition, code_dim=code_dim, verbose=0
    )
    codes = embedding.encode(unseen)
    assert codes.shape == (100, 4)
    assert codes.dtype == np.uint8
    at_random = kd_keras.random_codes(100, 8, 4, seed=0)
    found_error, random_error = (
        np.square(unseen - np.asarray(embedding.composition(c))).sum()
        for c in (codes, at_random)
    )
    assert found_error < 0.25 * random_error


@pytest.mark.parametrize(
    "composition",
    ["linear", pytest.param("residual", marks=pytest.mark.slow)],
)
def test_effort_is_paid_in_error(vectors, composition):
    none, some = (
        kd_keras.learn_codes(
            vectors, 8, 4, composition, effort=effort, verbose=0
        )
        for effort in (0, 0.5)
    )
    assert error(vectors, some) < 0.97 * error(vectors, none)


def test_progress_is_shown_unless_verbose_is_0(vectors, capsys):
    kd_keras.learn_codes(vectors[:50], 4, 2, verbose=0)
    assert capsys.readouterr() == ("", "")
    kd_keras.learn_codes(vectors[:50], 4, 2, verbose=1)
    assert "Learning codes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"K": 1}, "K=1"),
        ({"D": 0}, "D=0"),
        ({"K": 1000}, "600 vectors, K=1000"),
        ({"D": 5, "composition": "concat"}, "output_dim=12, D=5"),
        ({"composition": "sum"}, "composition='sum'"),
        ({"code_dim": 13}, "code_dim=13"),
        (
            {"composition": kd_keras.LinearComposition(16, 4, 12, 13)},
            "code_dim=13",
        ),
        ({"code_dim": 0}, "code_dim=0"),
        ({"effort": -0.1}, "effort=-0.1"),
        ({"effort": float("nan")}, "effort=nan"),
        ({"effort": "low"}, "effort='low'"),
    ],
)
def test_bad_arguments_are_refused(vectors, arguments, message):
    with pytest.raises(ValueError, match=f"Received: .*{message}"):
        kd_keras.learn_codes(vectors, **{"K": 8, "D": 4} | arguments)


@pytest.mark.parametrize(
    "table", [np.full((20, 3), np.nan), np.zeros(20), np.full((20, 3), np.inf)]
)
def test_bad_vectors_are_refused(table):
    with pytest.raises(ValueError, match="Received: "):
        kd_keras.learn_codes(table, K=4, D=2)


def test_constant_vectors_are_rebuilt():
    table = np.tile(np.array([[3.0, -1.0]], "f4"), (20, 1))
    embedding = kd_keras.learn_codes(table, K=4, D=2, verbose=0)
    np.testing.assert_allclose(embedding(np.arange(20)), table, atol=1e-5)
