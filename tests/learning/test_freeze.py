"""Tests of `freeze`: learned codes become fixed, everything else stays."""

import keras
import numpy as np
import pytest
from kd_testing import (
    SIZE,
    D,
    K,
    N,
    ids_and_vectors,
    learning_embedding,
    learning_model,
)

import kd_keras

IDS = np.arange(N).reshape(-1, 3)


def sequential():
    return keras.Sequential(
        [
            learning_embedding(composition="lstm", code_dim=2),
            keras.layers.Dropout(0.5),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(2),
        ]
    )


def functional():
    ids = keras.Input((3,), dtype="int32")
    learned = learning_embedding(composition="concat", mask_zero=True)(ids)
    fixed = kd_keras.KDEmbedding(N, SIZE, K, D)(ids)
    both = keras.layers.Concatenate()([fixed, learned])
    return keras.Model(ids, keras.layers.Dense(2)(both))


def nested():
    ids = keras.Input((3,), dtype="int32")
    inner = keras.Sequential([learning_embedding(), keras.layers.Dense(3)])
    return keras.Model(ids, keras.layers.Dense(2)(inner(ids)))


def shared():
    learner = kd_keras.KDCodeLearner(N, K, D)
    ids = keras.Input((3,), dtype="int32")
    vectors = [
        learning_embedding(codes=learner, composition=composition)(ids)
        for composition in ("linear", "concat")
    ]
    return keras.Model(ids, keras.layers.Add()(vectors))


def called_twice():
    embedding = learning_embedding()
    pair = [keras.Input((3,), dtype="int32") for _ in range(2)]
    model = keras.Model(
        pair, keras.layers.Dot(-1)([embedding(ids) for ids in pair])
    )
    ids = keras.Input((3,), dtype="int32")
    return keras.Model(ids, model([ids, ids]))


@keras.saving.register_keras_serializable(package="test_freeze")
class Subclassed(keras.Model):
    """Writes `codes="learn"` into its own `__init__`."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.embeddings = [learning_embedding() for _ in range(2)]
        self.head = keras.layers.Dense(units)

    def call(self, ids):
        return self.head(sum(layer(ids) for layer in self.embeddings))

    def get_config(self):
        return super().get_config() | {"units": self.units}


MODELS = [sequential, functional, nested, shared, called_twice, Subclassed]


def embeddings_of(model):
    layers = list(model.layers)
    for layer in layers:
        if isinstance(layer, keras.Model):
            layers += layer.layers
    return [x for x in layers if isinstance(x, kd_keras.KDEmbedding)]


@pytest.fixture(scope="module", params=MODELS)
def pair(request):
    """A model, trained a little, and its frozen copy."""
    keras.utils.set_random_seed(0)
    model = request.param()
    targets = np.zeros(model(IDS).shape)
    model.compile(kd_keras.LazyAdam(0.05), "mse")
    model.fit(IDS, targets, epochs=2, verbose=0)
    before = model.get_weights()
    frozen = kd_keras.freeze(model)
    # The original has not changed, however the copy was made.
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    return model, frozen


@pytest.mark.slow
def test_predictions_are_the_same(pair):
    model, frozen = pair
    assert type(frozen) is type(model)
    np.testing.assert_allclose(
        frozen.predict(IDS, verbose=0),
        model.predict(IDS, verbose=0),
        rtol=1e-5,
        atol=1e-7,
    )


def test_codes_are_those_of_the_original_fixed_as_uint8(pair):
    model, frozen = pair
    originals, copies = embeddings_of(model), embeddings_of(frozen)
    assert len(originals) == len(copies) > 0
    for original, copy in zip(originals, copies, strict=True):
        assert copy.learner is None
        assert copy.codes.dtype == "uint8"
        np.testing.assert_array_equal(copy.codes, original.codes)
    assert not any(w.shape == (N, D, K) for w in frozen.weights)
    assert any(layer.learner is not None for layer in originals)


def test_all_other_weights_are_kept_and_shared_with_nobody(pair):
    model, frozen = pair
    originals = {
        variable.path: variable
        for variable in model.variables
        if variable.name not in ("logits", "step", "schedule", "codes")
    }
    copies = [v for v in frozen.variables if v.name != "codes"]
    assert len(copies) == len(originals)
    assert not {id(v) for v in copies} & {id(v) for v in originals.values()}
    ours = sorted((tuple(v.shape), v.numpy().tolist()) for v in copies)
    theirs = sorted(
        (tuple(v.shape), v.numpy().tolist()) for v in originals.values()
    )
    assert ours == theirs


@pytest.mark.slow
def test_the_copy_trains_on_with_its_codes_fixed(pair):
    _, frozen = pair
    copy = kd_keras.freeze(frozen)  # leaves `pair` as it is
    codes = [layer.codes for layer in embeddings_of(copy)]
    before = copy.get_weights()
    copy.compile("adam", "mse")
    copy.fit(IDS, np.ones(copy(IDS).shape), verbose=0)
    for layer, then in zip(embeddings_of(copy), codes, strict=True):
        np.testing.assert_array_equal(layer.codes, then)
    moved = [
        np.any(now != then)
        for now, then in zip(copy.get_weights(), before, strict=True)
    ]
    assert any(moved)


def test_the_copy_saves_and_loads(pair, tmp_path):
    _, frozen = pair
    if isinstance(frozen, Subclassed):
        frozen.save_weights(tmp_path / "frozen.weights.h5")
        new = Subclassed()
        new(IDS)
        loaded = kd_keras.freeze(new)
        loaded.load_weights(tmp_path / "frozen.weights.h5")
    else:
        frozen.save(tmp_path / "frozen.keras")
        loaded = keras.saving.load_model(tmp_path / "frozen.keras")
    np.testing.assert_array_equal(
        loaded.predict(IDS, verbose=0), frozen.predict(IDS, verbose=0)
    )
    for ours, theirs in zip(
        embeddings_of(loaded), embeddings_of(frozen), strict=True
    ):
        np.testing.assert_array_equal(ours.codes, theirs.codes)


def test_a_layer_by_itself():
    layer = learning_embedding(mask_zero=True, name="words")
    vectors = layer(IDS)
    frozen = kd_keras.freeze(layer)
    assert (frozen.name, frozen.mask_zero) == ("words", True)
    assert frozen.learner is None and layer.learner is not None
    np.testing.assert_array_equal(frozen.codes, layer.codes)
    # A product with one-hot codes may round differently from a sum of rows.
    np.testing.assert_allclose(frozen(IDS), vectors, rtol=1e-6, atol=1e-7)


def test_many_values_stay_uint16():
    layer = learning_embedding(K=300)
    layer.build()
    assert kd_keras.freeze(layer).codes.dtype == "uint16"


def test_trainable_and_dtype_are_kept():
    layer = learning_embedding(dtype="mixed_bfloat16")
    layer.build()
    layer.composition.trainable = False
    frozen = kd_keras.freeze(layer)
    assert not frozen.composition.trainable
    assert frozen.compute_dtype == "bfloat16"


def test_layers_made_later_learn_again():
    kd_keras.freeze(learning_model_built())
    assert learning_embedding().learner is not None


def learning_model_built():
    model = learning_model()
    model.predict(ids_and_vectors()[0], verbose=0)
    return model


def test_a_model_without_embedding_is_refused():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"needs a KDEmbedding .* <Sequential"):
        kd_keras.freeze(model)


@pytest.mark.parametrize("make", [learning_embedding, sequential])
def test_what_is_not_built_is_refused(make):
    with pytest.raises(ValueError, match=r"call it once on ids. .* not built"):
        kd_keras.freeze(make())


def test_a_learner_used_inside_and_outside_is_refused():
    learner = kd_keras.KDCodeLearner(N, K, D)
    ids = keras.Input((3,), dtype="int32")
    outputs = [learning_embedding(codes=learner)(ids), learner(ids)]
    with pytest.raises(ValueError, match="both in a KDEmbedding and outside"):
        kd_keras.freeze(keras.Model(ids, outputs))
