"""A fifth composition, defined here, goes the whole way of the other four."""

import keras
import numpy as np
import pytest
from keras import ops

import kd_keras
from kd_keras.cli.main import main
from kd_keras.codes.sizes import FORMULAS
from kd_keras.layers.compositions.by_name import COMPOSITIONS, name_of
from kd_keras.learning.recipes import OTHER, RECIPES, recipe_of

N, SIZE, K, D = 60, 8, 8, 4


@keras.saving.register_keras_serializable(package="kd_keras_tests")
class GatedComposition(kd_keras.Composition):
    """Sums the code embeddings and scales the sum by a gate of its own."""

    def build_composition(self):
        self.gate = self.add_weight(
            shape=(self.code_dim, self.output_dim),
            initializer="glorot_uniform",
            name="gate",
        )

    def compose(self, embedded):
        total = ops.sum(embedded, axis=-2)
        return total * (1 + ops.tanh(ops.matmul(total, self.gate)))


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(0).normal(size=(N, SIZE)).astype("float32")


@pytest.fixture(scope="module")
def embedding(vectors):
    return kd_keras.learn_codes(
        vectors, K, D, GatedComposition(K, D, SIZE), verbose=0, effort=0.2
    )


def rebuilt(embedding):
    return np.asarray(embedding(np.arange(N)))


def test_it_is_learned(embedding, vectors):
    assert isinstance(embedding.composition, GatedComposition)
    error = np.square(vectors - rebuilt(embedding)).sum(axis=1).mean()
    assert error < 0.6 * vectors.var(axis=0).sum()
    codes = embedding.encode(vectors)
    assert codes.shape == (N, D)


def test_it_is_saved_and_loaded(embedding, tmp_path):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), embedding])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").layers[0]
    np.testing.assert_array_equal(loaded.codes, embedding.codes)
    np.testing.assert_allclose(rebuilt(loaded), rebuilt(embedding), rtol=1e-6)


def test_its_size_is_reported(embedding):
    report = kd_keras.size_report(embedding)
    assert report.embeddings[0]["composition"] == "GatedComposition"
    # The gate, and the scale and the offset of what is learned.
    assert report.parts["composition"] == 4 * (SIZE * SIZE + 1 + SIZE)
    assert report.parts["code embeddings"] == 4 * K * D * SIZE


@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.slow
def test_it_is_exported(embedding, quantization, tmp_path):
    path = tmp_path / "own.tflite"
    report = kd_keras.export_litert(embedding, path, quantization=quantization)
    assert report.total == path.stat().st_size
    assert report.parts["composition"] > 0
    found = kd_keras.load_litert(path).embed(range(N))
    step = 1e-5 if quantization is None else 0.1
    np.testing.assert_allclose(found, rebuilt(embedding), atol=step)


def test_the_command_line_does_not_know_its_name(capsys):
    words = ["compress", "x.npy", "--composition", "gated"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "'gated'" in said
    assert all(name in said for name in COMPOSITIONS)


def test_every_composition_has_a_size_and_a_recipe():
    assert list(COMPOSITIONS) == list(FORMULAS) == list(RECIPES)
    for name, kind in COMPOSITIONS.items():
        layer = kind(K, D, SIZE)
        assert name_of(layer) == name
        assert recipe_of(layer) is recipe_of(name) is RECIPES[name]
        variants = [layer]
        if not layer.has_own_scale():
            variants.append(kind(K, D, SIZE, scaled=True))
        for variant in variants:
            # The size by formula is that of the weights.
            variant.build()
            count = kd_keras.parameter_count(
                N, SIZE, K, D, composition=name, **variant.size_arguments()
            )
            weights = sum(int(np.prod(w.shape)) for w in variant.weights)
            assert count.without_codes == weights
    assert recipe_of(GatedComposition(K, D, SIZE)) is OTHER


def test_a_derived_class_is_learned_as_what_it_is_derived_from():
    class Named(kd_keras.ResidualComposition):
        pass

    assert recipe_of(Named(K, D, SIZE)) is RECIPES["residual"]
