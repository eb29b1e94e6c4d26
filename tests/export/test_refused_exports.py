"""Tests of models and paths that the export to LiteRT refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from exported_models import (
    SIZE,
    WORDS,
    D,
    K,
    N,
    classifier,
    embedding,
    language_model,
    of_four_words,
)
from keras import layers

import kd_keras
from kd_keras.export import engines
from kd_keras.export.litert import packed_codes
from kd_keras.utils.errors import ParityError


@pytest.mark.slow
def test_a_wrong_export_is_caught_and_its_first_id_named(tmp_path, monkeypatch):
    def wrong(rows, K, D):
        codes = right(rows, K, D)
        return tf.where(tf.reduce_all(codes == first, 1)[:, None], 0, codes)

    layer = embedding()
    first = layer.codes[17].astype("int32")
    layer.composition.code_embeddings.assign(
        np.random.default_rng(0).normal(size=(D, K, SIZE))
    )
    right = packed_codes.unpack_rows
    monkeypatch.setattr(packed_codes, "unpack_rows", wrong)
    for export in (kd_keras.export_litert, kd_keras.export_saved_model):
        with pytest.raises(ParityError, match="first at token_ids=17:"):
            export(layer, tmp_path / "wrong")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_wrong_state_is_caught(tmp_path, monkeypatch):
    from kd_keras.export.signatures import language_model_signatures as module

    right = module.language_model_signatures

    def wrong(model, sequence_length):
        stream, sequence = right(model, sequence_length)
        swapped = stream.function

        def function(**inputs):
            after = swapped(**inputs)
            return after | {"h_0": after["c_0"], "c_0": after["h_0"]}

        object.__setattr__(stream, "function", function)
        return [stream, sequence]

    monkeypatch.setattr(module, "language_model_signatures", wrong)
    with pytest.raises(ParityError, match="'stream', first at token_id"):
        kd_keras.export_litert(
            language_model(), tmp_path / "lm", sequence_length=4
        )


def test_a_crash_of_litert_is_an_error(tmp_path, monkeypatch):
    crash = tmp_path / "crash.py"
    crash.write_text("import os\nos.write(2, b'bad\\n')\nos.abort()\n")
    monkeypatch.setattr(engines.litert_runtimes, "__file__", str(crash))
    with pytest.raises(ParityError, match="it crashed .* last line: bad"):
        kd_keras.export_litert(embedding(), tmp_path / "small.tflite")
    assert list(tmp_path.iterdir()) == [crash]


class Flex(keras.layers.Layer):
    def call(self, x):
        return tf.math.igamma(x, x)


def static_recurrent(**options):
    return classifier(layers.LSTM(3, return_sequences=True), **options)


def constant_ids():
    ids = keras.Input((3,), dtype="int32")
    vectors = embedding()
    tied = layers.Lambda(
        lambda x: x @ keras.ops.transpose(vectors(np.arange(N)))
    )
    return keras.Model(ids, tied(vectors(ids)))


def of_strings():
    words = keras.Input((3,), dtype="string", name="words")
    ids = layers.StringLookup(vocabulary=WORDS[:-1])(words)
    other = keras.Input((3, SIZE))
    return keras.Model([words, other], embedding()(ids) + other)


def half():
    return kd_keras.KDEmbedding(N, SIZE, K=K, D=D, dtype="mixed_bfloat16")


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda: layers.Dense(3), {}, "needs a KDEmbedding"),
        (lambda: "model", {}, "needs a KDEmbedding"),
        (lambda: kd_keras.KDEmbedding(N, SIZE, K=K, D=D), {}, "not built"),
        (embedding, {"quantization": "int4"}, "'int4'"),
        (embedding, {"vocabulary": WORDS[1:]}, "59 strings"),
        (embedding, {"vocabulary": ["a"] * N}, "twice"),
        (embedding, {"vocabulary": ["a\n", *WORDS[1:]]}, "line breaks"),
        (embedding, {"vocabulary": ["a\r", *WORDS[1:]]}, "line breaks"),
        (embedding, {"vocabulary": ["\ud800", *WORDS[1:]]}, "in UTF-8"),
        (embedding, {"vocabulary": "words.txt"}, "a list of strings"),
        (embedding, {"vocabulary": b"words.txt"}, "a list of strings"),
        (embedding, {"vocabulary": set(WORDS)}, "a list of strings"),
        (embedding, {"vocabulary": dict.fromkeys(WORDS)}, "names of inputs of"),
        (embedding, {"vocabulary": 60}, "Received: 60"),
        (embedding, {"quantization": np.zeros(3)}, "Received: quantization="),
        (embedding, {"unknown_id": True}, "unknown_id=True"),
        (embedding, {"batch_size": 10**12}, "batch_size=1000000000000"),
        (embedding, {"sequence_length": 2.0}, "sequence_length=2.0"),
        (embedding, {"tolerance": np.inf}, "tolerance=inf"),
        (of_strings, {}, "ids or other numbers.*dtype=string"),
        (classifier, {"example": ["a"]}, "ids or other numbers.*example"),
        (classifier, {"example": 3}, "calls the model"),
        (embedding, {"unknown_id": N}, f"0 to {N - 1}"),
        (embedding, {"unknown_id": -1}, "unknown_id=-1"),
        (embedding, {"batch_size": 0}, "batch_size=0"),
        (embedding, {"batch_size": True}, "batch_size=True"),
        (of_four_words, {"batch_size": 3}, "batch_size=3, inputs token_ids"),
        (of_four_words, {"sequence_length": 3}, "sequence_length=3, inputs"),
        (language_model, {"batch_size": 2}, "must be 1 or None.*batch_size=2"),
        (embedding, {"tolerance": "small"}, "tolerance='small'"),
        (embedding, {"tolerance": -1.0}, "tolerance=-1.0"),
        (static_recurrent, {}, "pass `sequence_length`"),
        (
            lambda: embedding(composition="lstm"),
            {},
            "pass `sequence_length`",
        ),
        (
            lambda: classifier(
                layers.LSTM(3, stateful=True, return_sequences=True)
            ),
            {"sequence_length": 4},
            "stateful=True",
        ),
        (lambda: classifier(Flex()), {}, "no builtin operator.*Igamma"),
    ],
)
def test_bad_input_is_refused(make, options, message, tmp_path):
    path = tmp_path / "small.tflite"
    with pytest.raises(ValueError, match=message) as caught:
        kd_keras.export_litert(make(), path, **options)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_low_precision_is_refused(tmp_path):
    layer = half()
    layer.build()
    with pytest.raises(ValueError, match="compute in float32"):
        kd_keras.export_litert(layer, tmp_path / "small.tflite")


def test_a_table_that_is_read_as_a_whole_is_refused(tmp_path):
    # The file would have all vectors as floats.
    with pytest.raises(ValueError, match="`reverse=True`.*constant ids"):
        kd_keras.export_litert(constant_ids(), tmp_path / "m.tflite")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", [None, 3, "", b"small.tflite"])
def test_paths_that_are_none(path):
    for call in (
        lambda: kd_keras.export_litert(embedding(), path),
        lambda: kd_keras.export_saved_model(embedding(), path),
    ):
        with pytest.raises(ValueError, match="`path` must be a string"):
            call()


@pytest.mark.parametrize("path", ["nowhere/small.tflite", "folder"])
def test_unwritable_paths_are_refused(path, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="`path` must"):
        kd_keras.export_litert(embedding(), tmp_path / path)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.slow
def test_an_earlier_file_survives_a_failure(tmp_path):
    path = tmp_path / "small.tflite"
    kd_keras.export_litert(embedding(), path, WORDS)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="no builtin operator"):
        kd_keras.export_litert(classifier(Flex()), path)
    with pytest.raises(ParityError, match="Expected: at most 1e-12"):
        kd_keras.export_litert(
            classifier(), path, quantization="int8", tolerance=1e-12
        )
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
