"""Tests of exports to LiteRT: correct for every id, small, or refused."""

import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
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
from kd_keras.utils.errors import ParityError

COMPOSITIONS = [
    {"composition": "linear"},
    {"composition": "linear", "code_dim": 5},
    {"composition": "concat"},
    {"composition": "lstm", "code_dim": 3},
    {"composition": "residual"},
    {"composition": "residual", "code_dim": 5},
    {"composition": "linear", "codes": "learn"},
    {"composition": "concat", "K": 16, "D": 3},
    {"composition": "linear", "K": 3000, "D": 2},
]


@pytest.mark.parametrize("options", COMPOSITIONS, ids=str)
@pytest.mark.parametrize("quantization", [None, "int8", "float16"])
@pytest.mark.slow
def test_embedding_equals_keras(options, quantization, tmp_path):
    layer = embedding(**options)
    is_lstm = options["composition"] == "lstm"
    static = {"sequence_length": 4} if is_lstm else {}
    path = tmp_path / "small.tflite"
    kd_keras.export_litert(layer, path, WORDS, quantization, **static)
    small = kd_keras.load_litert(path)
    wanted = np.asarray(layer(np.arange(N)))
    found = small.embed(np.arange(N))
    error = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert error < {None: 1e-6, "float16": 2e-3, "int8": 0.03}[quantization]
    np.testing.assert_array_equal(
        small.embed(["word-7", "word-3"]), found[[7, 3]]
    )
    assert list(tmp_path.iterdir()) == [path]


def test_int8_is_exact_up_to_its_rounding(tmp_path):
    layer = embedding(composition="concat")
    kd_keras.export_litert(layer, tmp_path / "small.tflite", None, "int8")
    table = layer.composition.code_embeddings.numpy()
    scale = np.abs(table).max((1, 2), keepdims=True) / 127
    layer.composition.code_embeddings.assign(np.round(table / scale) * scale)
    small = kd_keras.load_litert(tmp_path / "small.tflite")
    np.testing.assert_allclose(
        small.embed(range(N)), layer(np.arange(N)), rtol=1e-6
    )


def test_it_holds_codes_and_nothing_as_large_as_a_table(tmp_path):
    layer = kd_keras.KDEmbedding(5000, 64, K=32, D=16)
    layer.build()
    report = kd_keras.export_litert(layer, tmp_path / "small.tflite")
    assert report.parts["codes"] == 5000 * 10
    assert report.parts["code embeddings"] == 4 * 16 * 32 * 64
    assert report.peak_bytes < 100_000
    assert not any(name.startswith("Flex") for name in report.operators)


@pytest.mark.parametrize(
    "more",
    [
        [],
        [layers.LSTM(4, return_sequences=True)],
        [layers.Bidirectional(layers.GRU(3, return_sequences=True))],
        [layers.Conv1D(4, 3)],
    ],
    ids=["plain", "LSTM", "GRU", "Conv1D"],
)
@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.slow
def test_models_equal_keras(more, quantization, tmp_path):
    model = classifier(*more, codes="learn")
    static = {"sequence_length": 6} if more else {}
    path = tmp_path / "model.tflite"
    kd_keras.export_litert(model, path, quantization=quantization, **static)
    small = kd_keras.load_litert(path)
    ids = np.arange(6, dtype=np.int32)[None]
    found = small.run("serving_default", token_ids=ids)["output"]
    # The export has checked every id; this tests that check.
    np.testing.assert_allclose(
        found, model(ids), atol=1e-6 if quantization is None else 0.05
    )


@pytest.mark.parametrize("name", ["model", "file"])
def test_a_model_that_ends_in_an_operation(name, tmp_path):
    model = classifier()
    model = keras.Model(model.input, keras.ops.softmax(model.output))
    kd_keras.export_litert(model, tmp_path / name)
    small = kd_keras.load_litert(tmp_path / name)
    ids = np.arange(6, dtype=np.int32)[None]
    found = small.run("serving_default", token_ids=ids)["output"]
    np.testing.assert_allclose(found, model(ids), atol=1e-6)
    assert kd_keras.size_report(model).parts["codes"] > 0


def test_a_mean_over_a_masked_sequence(tmp_path):
    ids = keras.Input((None,), dtype="int32")
    vectors = embedding(mask_zero=True)(ids)
    mean = layers.GlobalAveragePooling1D()(vectors)
    model = keras.Model(ids, layers.Dense(2)(mean))
    path = tmp_path / "model.tflite"
    kd_keras.export_litert(model, path)
    small = kd_keras.load_litert(path)
    padded = np.array([[3, 4, 0, 0], [0, 0, 0, 0]])  # the mean of none is NaN
    found = small.run("serving_default", token_ids=padded)["output"]
    np.testing.assert_allclose(found, model(padded), atol=1e-6)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[0]).all()


@pytest.mark.slow
def test_small_vectors_may_come_before_long_ones(tmp_path):
    # 8 bits round the small vectors to 0. The error is much smaller than the
    # longest vector.
    codes = np.zeros((1500, 1), int)
    codes[-1] = 1
    layer = kd_keras.KDEmbedding(1500, 4, K=2, D=1, codes=codes)
    layer.build()
    table = np.array([[[1e-4] * 4, [1.0] * 4]])
    layer.composition.code_embeddings.assign(table)
    kd_keras.export_litert(layer, tmp_path / "m", quantization="int8")
    with pytest.raises(ParityError, match="first at token_ids=0:"):
        kd_keras.export_litert(
            layer, tmp_path / "m", quantization="int8", tolerance=1e-5
        )


def test_a_model_with_several_inputs_and_outputs(tmp_path):
    user = keras.Input((), dtype="int32", name="user")
    item = keras.Input((), dtype="int32", name="item")
    age = keras.Input((2,), name="age")
    vectors = [
        kd_keras.KDEmbedding(20, 8, K=4, D=2)(user),
        kd_keras.KDEmbedding(35, 8, K=4, D=2, composition="concat")(item),
    ]
    both = layers.Concatenate()([*vectors, age])
    outputs = {"score": layers.Dense(1)(both), "odds": layers.Dense(2)(both)}
    model = keras.Model([user, item, age], outputs)
    kd_keras.export_litert(model, tmp_path / "m.tflite")
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    inputs = {
        "user": np.array([19], np.int32),
        "item": np.array([34], np.int32),
        "age": np.ones((1, 2), np.float32),
    }
    found = small.run("serving_default", **inputs)
    wanted = model([inputs["user"], inputs["item"], inputs["age"]])
    for name in outputs:
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-6)


def test_a_sequential_model_that_was_only_called(tmp_path):
    model = keras.Sequential([kd_keras.KDEmbedding(N, SIZE, K=K, D=D)])
    model(np.zeros((2, 3), np.int32))
    kd_keras.export_litert(model, tmp_path / "m.tflite", WORDS)
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    ids = np.arange(5)  # not the shape of the exported call
    np.testing.assert_allclose(small.embed(ids), model(ids[None])[0], atol=1e-6)


class Subclassed(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.embedding = kd_keras.KDEmbedding(N, SIZE, K=K, D=D)

    def call(self, ids):
        return keras.ops.sum(self.embedding(ids), axis=1)


def test_a_subclassed_model_needs_an_example(tmp_path):
    model = Subclassed()
    ids = np.array([[1, 2, 3]])
    wanted = model(ids)
    with pytest.raises(ValueError, match="pass `example`"):
        kd_keras.export_litert(model, tmp_path / "m.tflite")
    kd_keras.export_litert(model, tmp_path / "m.tflite", example=ids)
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    found = small.run("serving_default", token_ids=ids.astype(np.int32))
    np.testing.assert_allclose(found["output"], wanted, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"composition": "lstm"}], ids=str)
@pytest.mark.slow
def test_a_language_model_reads_a_text_token_by_token(options, tmp_path):
    model = language_model(**options)
    path = tmp_path / "lm.tflite"
    kd_keras.export_litert(model, path, WORDS, sequence_length=7)
    small = kd_keras.load_litert(path)
    ids = np.random.default_rng(0).integers(0, N, 7, np.int32)
    whole = small.run("sequence", token_ids=ids[None])["logits"][0]
    states = small.start()
    for token, wanted in zip(ids, whole, strict=True):
        logits, states = small.step(token, states)
        np.testing.assert_allclose(logits, wanted, atol=1e-6)
    best = small.next_words([WORDS[i] for i in ids], count=3)
    odds = np.exp(whole[-1]) / np.exp(whole[-1]).sum()
    assert [word for word, _ in best] == [
        WORDS[i] for i in np.argsort(-odds)[:3]
    ]
    np.testing.assert_allclose(
        [p for _, p in best], np.sort(odds)[:-4:-1], rtol=1e-4
    )


@pytest.mark.parametrize("wrong", [-1, N, 10**6])
@pytest.mark.slow
def test_ids_out_of_range(wrong, tmp_path):
    layer = embedding()
    ids = np.array([3, wrong], np.int32)
    kd_keras.export_litert(layer, tmp_path / "a.tflite")
    strict = kd_keras.load_litert(tmp_path / "a.tflite")
    with pytest.raises(RuntimeError, match="gather index out of bounds"):
        strict.run("serving_default", token_ids=ids)
    with pytest.raises(ValueError, match=f"Received: {wrong}"):
        strict.embed(ids)
    kd_keras.export_litert(layer, tmp_path / "b.tflite", unknown_id=np.int8(5))
    lenient = kd_keras.load_litert(tmp_path / "b.tflite")
    np.testing.assert_allclose(
        lenient.embed(ids), layer(np.array([3, 5])), atol=1e-6
    )


@pytest.mark.slow
def test_sizes_are_those_that_were_asked_for(tmp_path):
    def shapes(model, **sizes):
        path = tmp_path / "m.tflite"
        kd_keras.export_litert(model, path, **sizes)
        configuration = kd_keras.load_litert(path).configuration
        return configuration["signatures"]["serving_default"]

    assert shapes(embedding(), batch_size=3) == {"token_ids": [3]}
    assert shapes(embedding(), batch_size=np.int64(3), sequence_length=2) == {
        "token_ids": [6]
    }
    assert shapes(classifier(), batch_size=3) == {"token_ids": [3, None]}
    age, ids = keras.Input((2,), name="age"), keras.Input((None,), name="ids")
    steps = layers.LSTM(3)(embedding()(ids))
    both = layers.Concatenate()([steps, age])
    model = keras.Model([age, ids], layers.Dense(1)(both))
    assert shapes(model, sequence_length=5) == {
        "age": [1, 2],
        "token_ids": [1, 5],
    }
    with pytest.raises(ValueError, match="pass `sequence_length`"):
        shapes(model)  # the 2 columns of the first input are not steps
    assert shapes(of_four_words(layers.LSTM(3))) == {"token_ids": [2, 4]}


@pytest.mark.slow
def test_the_same_export_gives_the_same_bytes(tmp_path):
    layer = embedding()
    for name in "ab":
        kd_keras.export_litert(layer, tmp_path / name, WORDS)
    a, b = ((tmp_path / name).read_bytes() for name in "ab")
    assert a == b


def test_it_runs_with_numpy_zipfile_and_litert_alone(tmp_path):
    path = tmp_path / "small.tflite"
    kd_keras.export_litert(embedding(), path, WORDS)
    with zipfile.ZipFile(path) as archive:
        words = archive.read("vocabulary.txt").decode().split()
    assert words == WORDS
    script = f"""
import sys
for name in ("tensorflow", "keras", "kd_keras"):
    sys.modules[name] = None  # an import of it fails
import numpy as np
from ai_edge_litert.interpreter import Interpreter
run = Interpreter({str(path)!r}).get_signature_runner("serving_default")
print(run(token_ids=np.array([1, 2], np.int32))["embeddings"].shape)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.stdout == f"(2, {SIZE})\n", done.stderr


# Exports that must be refused.
