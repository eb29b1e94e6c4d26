"""Tests of the names of inputs and outputs, and of models with look-ups."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from exported_models import SIZE, embedding
from keras import layers

import kd_keras
from kd_keras.export.signatures.names import distinct, file_name

NAMES = {
    "user-id": "user_id",
    "user.id": "user_id",
    "user id": "user_id",
    "1st": "arg_1st",
    "_private": "arg__private",
    "für": "f_r",
    "训练": "arg___",
    "from": "arg_from",
    "signature": "arg_signature",
    "self": "arg_self",
    "inputs": "inputs",
    "token_ids": "token_ids",
    "x" * 500: "x" * 500,
}


def test_names_are_changed_by_one_rule():
    assert {name: file_name(name) for name in NAMES} == NAMES
    assert distinct(["a", "a", "a_2", "a"]) == ["a", "a_2", "a_2_2", "a_3"]


def check_both_exports(model, inputs, tmp_path):
    """Exports a model in both ways and compares them by `inputs`."""
    given = list(inputs.values())
    given = given[0] if len(given) == 1 else given
    wanted = keras.tree.flatten(model(given))
    path = tmp_path / "m.tflite"
    report = kd_keras.export_litert(model, path)
    assert report.total == kd_keras.size_report(path).total
    small = kd_keras.load_litert(path)
    kd_keras.export_saved_model(model, tmp_path / "m")
    assert kd_keras.size_report(tmp_path / "m").parts["codes"]
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    saved = loaded.signatures["serving_default"](
        **{name: tf.constant(value) for name, value in inputs.items()}
    )
    found = small.run("serving_default", **inputs)
    assert set(found) == set(saved)
    for got in (found, saved):
        values = sorted(float(np.sum(value)) for value in got.values())
        np.testing.assert_allclose(
            values, sorted(float(np.sum(value)) for value in wanted), atol=1e-5
        )
    return found


PAIRS = [
    ("user-id", "item-id"),
    ("user-id", "user id"),
    ("1st", "2nd"),
    ("für", "训练"),
    ("from", "signature"),
    ("self", "token_ids"),
    ("x" * 500, "x" * 499),
]


@pytest.mark.parametrize("names", PAIRS, ids=lambda names: names[0][:9])
@pytest.mark.slow
def test_names_of_inputs(names, tmp_path):
    a, b = (keras.Input((), dtype="int32", name=name) for name in names)
    vectors = [embedding()(a), embedding()(b)]
    model = keras.Model([a, b], layers.Dot(-1)(vectors))
    ids = np.array([3], np.int32)
    given = dict.fromkeys(distinct(map(file_name, names)), ids)
    check_both_exports(model, given, tmp_path)


def test_an_input_may_have_the_name_that_ids_get(tmp_path):
    ids = keras.Input((), dtype="int32", name="ids")
    age = keras.Input((2,), name="token_ids")
    both = layers.Concatenate()([embedding()(ids), age])
    model = keras.Model([ids, age], layers.Dense(2)(both))
    inputs = {
        "token_ids": np.array([3], np.int32),
        "token_ids_2": np.ones((1, 2), np.float32),
    }
    check_both_exports(model, inputs, tmp_path)


@pytest.mark.parametrize(
    ("arrange", "names"),
    [
        (
            lambda a, b, c: {"x": {"a": a, "b-1": b}, "y": [{"z": c}]},
            ["x_a", "x_b-1", "y_0_z"],
        ),
        (lambda a, b, c: {"x": a, "ü y": b, "z": c}, ["x", "ü y", "z"]),
        (
            lambda a, b, c: [a, [b, c]],
            ["output_0", "output_1_0", "output_1_1"],
        ),
        (
            lambda a, b, c: {"a_b": a, "a": {"b": b, "c": c}},
            ["a_b", "a_b_2", "a_c"],
        ),
    ],
    ids=["nested", "unicode", "lists", "alike"],
)
@pytest.mark.slow("last")
def test_nested_outputs(arrange, names, tmp_path):
    ids = keras.Input((3,), dtype="int32")
    vectors = embedding()(ids)
    outputs = arrange(*(layers.Dense(size)(vectors) for size in (2, 3, 4)))
    model = keras.Model(ids, outputs)
    inputs = {"token_ids": np.array([[3, 4, 5]], np.int32)}
    assert sorted(check_both_exports(model, inputs, tmp_path)) == sorted(names)


@pytest.mark.parametrize("is_nested", [False, True])
def test_an_output_that_comes_twice(is_nested, tmp_path):
    ids = keras.Input((3,), dtype="int32")
    vectors = embedding()(ids)
    outputs = {"a": vectors, "b": vectors}
    model = keras.Model(ids, {"c": outputs} if is_nested else outputs)
    kd_keras.export_saved_model(model, tmp_path / "m")
    with pytest.raises(ValueError, match="the same tensor twice") as caught:
        kd_keras.export_litert(model, tmp_path / "m.tflite")
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_outputs_that_litert_does_not_have(tmp_path):
    ids = keras.Input((3,), dtype="int32")
    vectors = embedding()(ids)
    for outputs, message in (
        ([ids, vectors], "not return an input as it is"),
        (keras.ops.mean(vectors), "must have an axis of the batch"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            kd_keras.export_litert(keras.Model(ids, outputs), tmp_path / "m")
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


KEYS = {
    "string": ((3,), "string"),
    "int64": ((3,), "int64"),
    "text": ((), "string"),
}
LOOK_UPS = {
    "string": lambda: layers.StringLookup(vocabulary=list("abc")),
    "int64": lambda: layers.IntegerLookup(vocabulary=[7, 8, 9]),
    "text": lambda: layers.TextVectorization(vocabulary=list("abc")),
}


@pytest.mark.parametrize("kind", LOOK_UPS)
@pytest.mark.slow
def test_a_look_up_is_left_out_if_it_is_first(kind, tmp_path, capsys):
    look_up, words = LOOK_UPS[kind](), embedding()
    shape, dtype = KEYS[kind]
    given = keras.Input(shape, dtype=dtype)
    for model in (
        keras.Model(given, words(look_up(given))),
        keras.Sequential([given, look_up, words]),
    ):
        vocabulary = [f"w{i}" for i in range(words.input_dim)]
        kd_keras.export_litert(model, tmp_path / "m.tflite", vocabulary)
        assert "takes ids" in capsys.readouterr().err
        small = kd_keras.load_litert(tmp_path / "m.tflite")
        ids = np.array([[2, 0, 3]], np.int32)
        found = small.run("serving_default", token_ids=ids)["embeddings"]
        np.testing.assert_allclose(found, words(ids), rtol=1e-5)
        assert small.ids_of(["w3"]) == [3]


def test_names_and_roles_are_those_of_the_whole_model(tmp_path):
    texts = keras.Input((), dtype="string")
    look_up = layers.TextVectorization(vocabulary=list("abc"))
    hidden = layers.GlobalAveragePooling1D()(embedding()(look_up(texts)))
    hidden = layers.Dense(40)(hidden)
    outputs = {"a": layers.Dense(3)(hidden), "b": layers.Dense(2)(hidden)}
    model = keras.Model(texts, outputs)
    report = kd_keras.export_litert(model, tmp_path / "m.tflite")
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    ids = np.array([[2, 0, 3]], np.int32)
    assert set(small.run("serving_default", token_ids=ids)) == {"a", "b"}
    assert report.parts["other layers"] >= 40 * SIZE * 4


@pytest.mark.parametrize("kind", LOOK_UPS)
@pytest.mark.slow
def test_look_ups_elsewhere_are_refused(kind, tmp_path):
    look_up, words = LOOK_UPS[kind](), embedding()
    shape, dtype = KEYS[kind]
    given, outer = (keras.Input(shape, dtype=dtype) for _ in range(2))
    other = keras.Input((3,))
    inner = keras.Model(given, words(look_up(given)))
    nested = keras.Model(outer, inner(outer))
    of_two = keras.Model([given, other], [words(look_up(given)), other * 2])
    for export in (kd_keras.export_litert, kd_keras.export_saved_model):
        for model in (nested, of_two):
            with pytest.raises(
                ValueError, match="An export needs a model whose inputs"
            ) as caught:
                export(model, tmp_path / "m")
            assert "\n" not in str(caught.value)
            assert look_up.name in str(caught.value)
    assert not list(tmp_path.iterdir())
