"""Tests of exports to SavedModel."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from exported_models import (
    WORDS,
    N,
    classifier,
    embedding,
    language_model,
)

import kd_keras


@pytest.mark.parametrize(
    "composition", ["linear", "concat", "lstm", "residual"]
)
@pytest.mark.slow
def test_embedding_equals_keras(composition, tmp_path):
    layer = embedding(composition=composition, codes="learn")
    length = 5 if composition == "lstm" else None
    path = tmp_path / "small"
    kd_keras.export_saved_model(layer, path, WORDS, sequence_length=length)
    small = tf.saved_model.load(str(path)).signatures["serving_default"]
    ids = np.array([0, N - 1, 3, 3, 7], np.int32)
    found = small(token_ids=tf.constant(ids))["embeddings"]
    np.testing.assert_allclose(found, layer(ids), atol=1e-6)
    extra = path / "assets.extra"
    assert (extra / "vocabulary.txt").read_text().split() == WORDS
    assert json.loads((extra / "kd_keras.json").read_text())["kind"] == (
        "embedding"
    )


def test_models_have_their_functions(tmp_path):
    kd_keras.export_saved_model(classifier(), tmp_path / "a")
    loaded = tf.saved_model.load(str(tmp_path / "a"))
    outputs = loaded.signatures["serving_default"](
        token_ids=tf.zeros((2, 5), tf.int32)
    )
    assert outputs["output"].shape == (2, 3)
    path = tmp_path / "b"
    kd_keras.export_saved_model(language_model(), path, sequence_length=4)
    assert sorted(tf.saved_model.load(str(path)).signatures) == [
        "sequence",
        "stream",
    ]


class Masked(keras.layers.Layer):
    def call(self, x):
        return keras.ops.where(x > 0, x, -np.inf)


def test_outputs_that_are_infinite_or_integers(tmp_path):
    model = classifier()
    logits = Masked()(model.output)
    best = keras.ops.argmax(model.output, axis=-1)
    model = keras.Model(model.input, {"logits": logits, "best": best})
    kd_keras.export_saved_model(model, tmp_path / "a")
    loaded = tf.saved_model.load(str(tmp_path / "a"))
    ids = np.arange(8, dtype=np.int32)[:, None]
    found = loaded.signatures["serving_default"](token_ids=tf.constant(ids))
    wanted = model(ids)
    np.testing.assert_allclose(found["logits"], wanted["logits"], atol=1e-6)
    np.testing.assert_array_equal(found["best"], wanted["best"])


def test_an_earlier_one_is_replaced_and_other_folders_are_not(tmp_path):
    path = tmp_path / "small"
    kd_keras.export_saved_model(embedding(), path)
    kd_keras.export_saved_model(embedding(seed=3), path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep")
    with pytest.raises(ValueError, match="contains other files"):
        kd_keras.export_saved_model(embedding(), tmp_path / "mine")
    with pytest.raises(ValueError, match="a file"):
        kd_keras.export_saved_model(
            embedding(), tmp_path / "mine" / "letter.txt"
        )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "small"]


def test_ids_out_of_range_get_the_unknown_one(tmp_path):
    layer = embedding()
    kd_keras.export_saved_model(layer, tmp_path / "small", unknown_id=2)
    loaded = tf.saved_model.load(str(tmp_path / "small"))
    found = loaded.signatures["serving_default"](
        token_ids=tf.constant([-1, N], tf.int32)
    )["embeddings"]
    np.testing.assert_allclose(found, layer(np.array([2, 2])), atol=1e-6)


def test_the_model_is_as_it_was(tmp_path):
    model = classifier(codes="learn")
    before = [v.numpy() for v in model.variables]
    kd_keras.export_saved_model(model, tmp_path / "small")
    model.compile(kd_keras.LazyAdam(), "mse")
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    model.fit(np.zeros((4, 5), np.int32), np.zeros((4, 3)), verbose=0)
    model.save(tmp_path / "model.keras")
    keras.saving.load_model(tmp_path / "model.keras")
