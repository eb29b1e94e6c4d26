"""Tests of exports of models without codes, which are for comparison."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from exported_models import WORDS, N
from keras import layers

import kd_keras
from kd_keras.export.signatures.signatures_of import signatures_of
from kd_keras.export.size.coded_model import CodedModel, table_role
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.model import build_language_model
from kd_keras.utils.errors import ParityError

SIZE = 20


def table(**options):
    layer = layers.Embedding(N, SIZE, name="plain", **options)
    layer.build()
    return layer


@pytest.mark.parametrize(
    ("quantization", "width", "error"),
    [(None, 4, 1e-6), ("float16", 2, 1e-3), ("int8", 1, 0.01)],
)
@pytest.mark.slow
def test_a_table_equals_keras(quantization, width, error, tmp_path):
    layer, path = table(), tmp_path / "m.tflite"
    report = kd_keras.export_litert(
        layer, path, WORDS, quantization, unknown_id=3
    )
    assert report.parts[table_role("plain")] == N * SIZE * width
    assert report.parts["codes"] == 0 and report.embeddings == []
    assert report.tables == [{"name": "plain", "N": N, "d": SIZE}]
    told = kd_keras.size_report(layer, quantization)
    assert told.parts[table_role("plain")] == N * SIZE * width
    small = kd_keras.load_litert(path)
    assert small.configuration["kind"] == "embedding"
    wanted = np.asarray(layer(np.arange(N)))
    found = small.embed(WORDS)
    assert np.abs(found - wanted).max() < error * np.abs(wanted).max()
    np.testing.assert_array_equal(small.embed(["what", N, -1]), found[[3] * 3])
    far = small.run("serving_default", token_ids=[N, -1, 2**31 - 1])
    np.testing.assert_array_equal(far["embeddings"], found[[3] * 3])


def test_a_classifier(tmp_path):
    ids = keras.Input((4,), dtype="int32", name="words")
    steps = layers.GlobalAveragePooling1D()(table()(ids))
    model = keras.Model(ids, layers.Dense(3)(steps))
    (signature,) = signatures_of(CodedModel.of(model))
    assert signature.vocabularies == {"token_ids": N}  # every id is tried
    kd_keras.export_litert(model, tmp_path / "m", WORDS, "int8")
    given = np.array([[0, 59, 3, 7]])
    small = kd_keras.load_litert(tmp_path / "m")
    assert small.ids_of(["word-59"]).tolist() == [59]
    found = small.run("serving_default", token_ids=given)["output"]
    np.testing.assert_allclose(found, model(given), atol=1e-3)
    kd_keras.export_saved_model(model, tmp_path / "saved", WORDS)
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    found = saved.signatures["serving_default"](
        token_ids=tf.constant(given, tf.int32)
    )["output"]
    np.testing.assert_allclose(found, model(given), atol=1e-6)
    report = kd_keras.size_report(tmp_path / "saved")
    assert report.parts[table_role("plain")] == 4 * N * SIZE
    assert report.bits_per_symbol is None and report.predicted is None


@pytest.mark.slow
def test_a_wrong_row_is_caught(tmp_path, monkeypatch):
    from kd_keras.export import write_litert as write

    layer = table()
    right = write.write_saved_model

    def wrong(coded, folder, *more):
        rows = layer.embeddings.numpy()
        spoilt = rows.copy()
        spoilt[17] += 1
        layer.embeddings.assign(spoilt)
        right(coded, folder, *more)
        layer.embeddings.assign(rows)

    monkeypatch.setattr(write, "write_saved_model", wrong)
    for quantization in (None, "int8"):
        with pytest.raises(ParityError, match="first at token_ids=17:"):
            kd_keras.export_litert(layer, tmp_path / "m", None, quantization)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_language_model(tmp_path):
    configuration = CONFIGURATIONS["tiny"]
    plain = layers.Embedding(N, configuration.hidden)
    model = build_language_model(configuration, plain, N, 3, 5, seed=1)
    path = tmp_path / "lm.tflite"
    kd_keras.export_litert(model, path, WORDS, sequence_length=4, unknown_id=2)
    small = kd_keras.load_litert(path)
    assert small.configuration["kind"] == "language model"
    assert small.next_words(["word-1", "unheard"]) == small.next_words(
        ["word-1", "word-2"]
    )


def test_a_tied_table(tmp_path):
    ids = keras.Input((4,), 1, dtype="int32")
    tied = layers.ReversibleEmbedding(N, SIZE, name="plain")
    steps = layers.Dense(SIZE, "relu")(tied(ids))
    model = keras.Model(ids, tied(steps, reverse=True))
    report = kd_keras.export_litert(model, tmp_path / "m", unknown_id=2)
    assert report.parts[table_role("plain")] == 4 * N * SIZE
    small = kd_keras.load_litert(tmp_path / "m")
    found = small.run("serving_default", token_ids=[[1, N, -1, 3]])["output"]
    wanted = model(np.array([[1, 2, 2, 3]]))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


class Doubled(layers.Embedding):
    def call(self, ids):
        return super().call(2 * ids)


def test_an_embedding_that_does_more_has_no_unknown_id(tmp_path):
    layer = Doubled(10, 4)
    layer.build()
    with pytest.raises(ValueError, match="the usual `call`.*Doubled"):
        kd_keras.export_litert(layer, tmp_path / "m", unknown_id=1)
    assert not list(tmp_path.iterdir())
