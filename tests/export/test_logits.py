"""Exports of models whose output layer has codes."""

import keras
import numpy as np
import pytest

import kd_keras

N, SIZE = 60, 10
WORDS = [f"w{i}" for i in range(N)]


def model(K, D, composition, embedding, **options):
    ids = keras.Input((3,), 1, dtype="int32")
    first = {
        "table": lambda: keras.layers.Embedding(N, SIZE),
        "codes": lambda: kd_keras.KDEmbedding(N, SIZE, K, D, None, composition),
    }[embedding]()
    hidden = keras.layers.Dense(SIZE, "tanh")(first(ids))
    if options.pop("tied", False):
        output = kd_keras.KDLogits(embedding=first, bias_initializer="normal")
    else:
        options = {"units": N, "bias_initializer": "normal"} | options
        output = kd_keras.KDLogits(K=K, D=D, composition=composition, **options)
    return keras.Model(ids, output(hidden))


# The parity check of an export compares with Keras for every id.
@pytest.mark.parametrize(
    "K, D, composition, embedding, quantization",
    [
        (16, 5, "linear", "table", "int8"),  # half of the last byte is unused
        (10, 4, "linear", "codes", "float16"),  # fewer values than bits hold
        (2, 10, "concat", "codes", None),  # eight positions a byte
        (4, 5, "linear", "table", None),
        (50, 5, "concat", "codes", "int8"),  # values across bytes
        (256, 2, "linear", "codes", "int8"),  # a byte a value
    ],
)
@pytest.mark.slow
def test_logits_of_a_file(K, D, composition, embedding, quantization, tmp_path):
    path = tmp_path / "model.tflite"
    source = model(K, D, composition, embedding)
    report = kd_keras.export_litert(source, path, quantization=quantization)
    bits = int(np.ceil(np.log2(K)))
    once = N * -(-D * bits // 8)
    assert report.parts["codes"] == once * (2 if embedding == "codes" else 1)
    assert report.embeddings[-1]["layer"] == "logits"
    ids = np.array([[3, 0, N - 1]], "int32")
    found = kd_keras.load_litert(path).run("serving_default", token_ids=ids)
    np.testing.assert_allclose(
        found["output"], source(ids), atol=1e-5 if quantization is None else 0.1
    )


def test_tied_codes_are_in_a_file_once(tmp_path):
    path = tmp_path / "model.tflite"
    source = model(16, 4, "linear", "codes", tied=True)
    report = kd_keras.export_litert(source, path, quantization="int8")
    assert report.parts["codes"] == N * 2
    assert report.embeddings[1]["shares"] == ["codes", "composition"]
    # The scales of int8, one for each position, are there in two shapes.
    assert report.embedding_bytes - report.predicted in (0, 4 * 4)


@pytest.mark.parametrize("embedding", ["table", "codes"])
@pytest.mark.parametrize("units", [N, 7])
@pytest.mark.slow
def test_words_and_unknown_ids_are_those_of_the_input(
    embedding, units, tmp_path
):
    path = tmp_path / "model.tflite"
    source = model(4, 5, "linear", embedding, units=units)
    kd_keras.export_litert(source, path, vocabulary=WORDS, unknown_id=9)
    loaded = kd_keras.load_litert(path)
    assert loaded.ids_of(["w3", "none", 1000]).tolist() == [3, 9, 9]
    outputs = [
        loaded.run("serving_default", token_ids=[[0, 1, i]])["output"]
        for i in (9, 1000)
    ]
    np.testing.assert_array_equal(*outputs)


def test_a_model_of_hidden_states_alone(tmp_path):
    hidden = keras.Input((SIZE,))
    source = keras.Model(hidden, kd_keras.KDLogits(N, 16, 4)(hidden))
    path = tmp_path / "model.tflite"
    kd_keras.export_litert(source, path, vocabulary=WORDS)
    loaded = kd_keras.load_litert(path)
    assert loaded.vocabulary == WORDS
    x = np.random.default_rng(0).normal(size=(1, SIZE)).astype("f4")
    (name,) = loaded.configuration["signatures"]["serving_default"]
    found = loaded.run("serving_default", **{name: x})["output"]
    np.testing.assert_allclose(found, source(x), atol=1e-5)


def test_other_compositions_are_refused(tmp_path):
    path = tmp_path / "model.tflite"
    with pytest.raises(ValueError, match="only be exported with the linear or"):
        kd_keras.export_litert(model(4, 5, "residual", "table"), path)
    assert not path.exists()


@pytest.mark.slow
def test_the_bias_takes_a_byte_a_symbol_in_int8(tmp_path):
    source = model(16, 4, "linear", "table")
    bias = np.random.default_rng(0).normal(size=N)
    source.layers[-1].bias.assign(bias)
    sizes = {}
    for quantization in (None, "int8"):
        path = tmp_path / f"{quantization}.tflite"
        report = kd_keras.export_litert(source, path, quantization=quantization)
        sizes[quantization] = report.parts["output layer"]
    assert sizes == {None: 4 * N, "int8": N}
    # Without a hidden state the logits are the bias.
    hidden = keras.Input((SIZE,))
    alone = keras.Model(hidden, source.layers[-1](hidden))
    kd_keras.export_litert(alone, path, quantization="int8")
    found = kd_keras.load_litert(path).run(
        "serving_default", **{hidden.name: np.zeros((1, SIZE), "f4")}
    )["output"]
    np.testing.assert_allclose(found[0], bias, atol=0.51 * np.ptp(bias) / 255)


@pytest.mark.parametrize("ban", [-30.0, -1e9])
@pytest.mark.slow
def test_a_banned_symbol_leaves_the_other_biases_exact(ban, tmp_path):
    source = model(16, 4, "linear", "table")
    bias = np.random.default_rng(0).normal(size=N)
    bias[3] = ban
    source.layers[-1].bias.assign(bias)
    hidden = keras.Input((SIZE,))
    alone = keras.Model(hidden, source.layers[-1](hidden))
    path = tmp_path / "model.tflite"
    report = kd_keras.export_litert(alone, path, quantization="int8")
    assert report.parts["output layer"] == 4 * N  # as float32
    x = np.zeros((1, SIZE), "f4")
    found = kd_keras.load_litert(path).run(
        "serving_default", **{hidden.name: x}
    )["output"]
    np.testing.assert_allclose(found[0], bias, rtol=1e-6)


@pytest.mark.parametrize("ban", [0.0, -1e9])
@pytest.mark.slow
def test_the_predicted_size_of_a_bias_is_the_one_in_the_file(ban, tmp_path):
    source = model(16, 4, "linear", "codes")
    bias = np.random.default_rng(0).normal(size=N)
    source.layers[-1].bias.assign(bias + np.eye(1, N)[0] * ban)
    predicted = kd_keras.size_report(source, quantization="int8")
    path = tmp_path / "model.tflite"
    report = kd_keras.export_litert(source, path, quantization="int8")
    name = "output layer"
    assert predicted.parts[name] == report.parts[name] == (4 * N if ban else N)


KINDS = (
    lambda: kd_keras.KDEmbedding(N, SIZE, 4, 4),
    lambda: keras.layers.ReversibleEmbedding(N, SIZE),
)


@pytest.mark.parametrize("make", KINDS)
def test_a_model_that_ends_in_a_reversed_table_gives_logits(make, tmp_path):
    path = tmp_path / "model.tflite"
    words = make()
    ids = keras.Input((3,), dtype="int32")
    mean = keras.layers.GlobalAveragePooling1D()(words(ids))
    kd_keras.export_litert(keras.Model(ids, words(mean, reverse=True)), path)
    file = kd_keras.load_litert(path)
    assert file.configuration["kind"] == "model"
    assert list(file.run("serving_default", token_ids=[[1, 2, 3]])) == [
        "output"
    ]


@pytest.mark.parametrize("make", KINDS)
def test_a_reversed_table_alone_takes_hidden_states(make, tmp_path):
    path = tmp_path / "model.tflite"
    given = keras.Input((SIZE,), name="hidden")
    source = keras.Model(given, make()(given, reverse=True))
    kd_keras.export_litert(source, path)
    file = kd_keras.load_litert(path)
    assert file.configuration["kind"] == "model"
    states = np.random.default_rng(0).normal(size=(2, SIZE)).astype("float32")
    found = file.run("serving_default", hidden=states)["output"]
    np.testing.assert_allclose(found, source(states), atol=1e-5)
