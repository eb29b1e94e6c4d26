"""Tests of vocabularies and unknown ids by the names of inputs and layers."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kd_keras
from kd_keras.export.check_symbols import check_symbols
from kd_keras.export.signatures.signatures_of import signatures_of
from kd_keras.export.size.coded_model import CodedModel
from kd_keras.export.symbols import symbols_of

USERS = [f"user-{i}" for i in range(20)]
ITEMS = [f"item-{i}" for i in range(35)]


def kd(N, name=None):
    return kd_keras.KDEmbedding(N, 4, K=4, D=2, name=name)


def two_towers(user=kd, item=kd):
    users = keras.Input((), dtype="int32", name="user-ids")
    items = keras.Input((), dtype="int32", name="item_ids")
    vectors = [user(20, name="user")(users), item(35, name="item")(items)]
    return keras.Model([users, items], layers.Dot(-1)(vectors))


def two_columns(sizes=(20, 35)):
    x = keras.Input((2,), dtype="int32", name="pairs")
    vectors = [
        kd(size, name)(x[:, i])
        for i, (size, name) in enumerate(zip(sizes, "ab", strict=True))
    ]
    return keras.Model(x, layers.Dot(-1)(vectors))


def two_of_one_input():
    x = keras.Input((3,), dtype="int32", name="words")
    return keras.Model(x, kd(20, "a")(x) + kd(20, "b")(x))


def one_of_two_inputs():
    texts = [keras.Input((), dtype="int32", name=name) for name in ("q", "d")]
    shared = kd(20, "shared")
    return keras.Model(texts, layers.Dot(-1)([shared(x) for x in texts]))


def coded_beside_table():
    x = keras.Input((3,), dtype="int32", name="words")
    table = layers.Embedding(15, 4, name="table")(x)
    return keras.Model(x, kd(20, "coded")(x) + table)


def resolved(model, vocabulary=None, unknown_id=None):
    coded = CodedModel.of(model)
    vocabulary = check_symbols(coded, vocabulary, unknown_id)
    return symbols_of(coded, signatures_of(coded), vocabulary, unknown_id)


def table(N, name=None):
    return layers.Embedding(N, 4, name=name)


@pytest.mark.parametrize("user", [kd, table])
@pytest.mark.slow
def test_two_towers(user, tmp_path):
    model = two_towers(user, table)
    given = {
        "vocabulary": {"user-ids": USERS, "item": ITEMS},
        "unknown_id": {"user": 3, "item_ids": 30},
    }
    kd_keras.export_litert(model, tmp_path / "m.tflite", **given)
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    assert small.vocabularies == {"user_ids": USERS, "item_ids": ITEMS}
    assert small.vocabulary is None
    users = small.ids_of(["user-7", "nobody", -1], "user_ids")
    items = small.ids_of(["item-9", "nothing", 35], "item_ids")
    assert users.tolist() == [7, 3, 3] and items.tolist() == [9, 30, 30]
    # In the graph too.
    wanted = np.asarray(model([users, items]))
    far = {"user_ids": [7, 20, -1], "item_ids": [9, 2**31 - 1, 35]}
    found = small.run("serving_default", **far)["output"]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    with pytest.raises(ValueError, match="user_ids, item_ids.*name=None"):
        small.ids_of(["user-7"])
    with pytest.raises(ValueError, match="name='user'"):
        small.id_of("user-7", "user")
    kd_keras.export_saved_model(model, tmp_path / "saved", **given)
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    again = saved.signatures["serving_default"](
        **{name: tf.constant(ids, tf.int32) for name, ids in far.items()}
    )["output"]
    np.testing.assert_allclose(again, wanted, atol=1e-6)
    extra = tmp_path / "saved" / "assets.extra"
    told = json.loads((extra / "kd_keras.json").read_text())["inputs"]
    assert told == small.configuration["inputs"]
    for name, words in (("user_ids", USERS), ("item_ids", ITEMS)):
        text = (extra / told[name]["vocabulary"]).read_text()
        assert text.split() == words
    parts = [
        kd_keras.size_report(tmp_path / name).parts["vocabulary"]
        for name in ("m.tflite", "saved")
    ]
    assert 0 < parts[0] < parts[1] == sum(len(w) + 1 for w in USERS + ITEMS)
    # It is known as a SavedModel of this package, and replaced.
    kd_keras.export_saved_model(model, tmp_path / "saved")
    assert sorted(p.name for p in extra.iterdir()) == ["kd_keras.json"]


PLACES = [
    (two_towers, {"user_ids": USERS}, {"user_ids": USERS}),
    (two_towers, {"user": USERS, "item": None}, {"user_ids": USERS}),
    (two_columns, {"a": USERS, "b": ITEMS}, {"a": USERS, "b": ITEMS}),
    (two_columns, {"b": ITEMS}, {"b": ITEMS}),
    (two_of_one_input, {"words": USERS}, {"token_ids": USERS}),
    (two_of_one_input, {"token_ids": USERS}, {"token_ids": USERS}),
    (two_of_one_input, {"a": USERS, "b": USERS}, {"token_ids": USERS}),
    (two_of_one_input, {"a": USERS}, {"a": USERS}),
    (one_of_two_inputs, {"q": USERS}, {"q": USERS, "d": USERS}),
    (one_of_two_inputs, {"q": USERS, "d": USERS}, {"q": USERS, "d": USERS}),
    (one_of_two_inputs, USERS, {"q": USERS, "d": USERS}),
    (two_of_one_input, USERS, {"token_ids": USERS}),
    (coded_beside_table, {"words": USERS}, {"token_ids": USERS}),
    (
        coded_beside_table,
        {"coded": USERS, "table": USERS[:15]},
        {"token_ids": USERS, "table": USERS[:15]},
    ),
]


@pytest.mark.parametrize(("make", "given", "wanted"), PLACES)
def test_where_a_vocabulary_is_stored(make, given, wanted):
    symbols = resolved(make(), given)
    inputs = symbols.configuration.get("inputs")
    if inputs is None:  # the format of a file with one vocabulary
        inputs = {"token_ids": {"vocabulary": "vocabulary.txt"}}
    found = {
        name: symbols.vocabularies[one["vocabulary"]]
        for name, one in inputs.items()
    }
    assert found == wanted


@pytest.mark.slow
def test_one_embedding_has_the_same_file_whatever_it_is_called(tmp_path):
    layer = kd(20, "words")
    layer.build()
    for name, how in (
        ("a", (USERS, 3)),
        ("b", ({"words": USERS}, {"words": 3})),
    ):
        kd_keras.export_litert(
            layer, tmp_path / name, how[0], unknown_id=how[1]
        )
    a, b = ((tmp_path / name).read_bytes() for name in "ab")
    assert a == b
    small = kd_keras.load_litert(tmp_path / "a")
    assert small.vocabulary == USERS
    assert small.vocabularies == {"token_ids": USERS}
    np.testing.assert_array_equal(small.ids_of(["x", "user-1"]), [3, 1])


WRONG = [
    (two_towers, {"vocabulary": {"usr": USERS}}, "item_ids.*user, item.*'usr'"),
    (two_towers, {"vocabulary": {3: USERS}}, "Received: 3"),
    (two_towers, {"unknown_id": {"usr": 3}}, "`unknown_id` must be by.*'usr'"),
    (
        two_towers,
        {"vocabulary": {"user": USERS, "user_ids": USERS[::-1]}},
        "once for each embedding.*'user' and 'user_ids', both for 'user'",
    ),
    (
        two_towers,
        {"unknown_id": {"user-ids": 1, "user": 2}},
        "'user-ids' and 'user', both for 'user'",
    ),
    (
        two_towers,
        {"vocabulary": {"user": ITEMS}},
        "`vocabulary` of 'user' must have.*20 symbols.*35 strings",
    ),
    (two_towers, {"unknown_id": {"user": 20}}, "of 'user' must be.*0 to 19"),
    (two_towers, {"unknown_id": {"user": "x"}}, "unknown_id='x'"),
    (two_towers, {"vocabulary": {"user": "abc"}}, "'user' must be a list of"),
    (
        two_towers,
        {"vocabulary": {"user": ["a"] * 20}},
        "'user' must not.*twice",
    ),
    (two_towers, {"vocabulary": USERS}, r"dict of lists.*item \(35 symbols\)"),
    (two_columns, {"vocabulary": {"pairs": USERS}}, "one size.*layers, a, b"),
]


@pytest.mark.parametrize(("make", "given", "message"), WRONG)
def test_what_does_not_fit_is_refused(make, given, message):
    with pytest.raises(ValueError, match=message) as caught:
        resolved(make(), **given)
    assert "\n" not in str(caught.value)
