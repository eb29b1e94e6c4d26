"""Tests of the inputs that a `.npz` file holds for a model."""

import keras
import numpy as np
import pytest
from keras import layers

from kd_keras.commands.model_files import read_inputs
from kd_keras.utils.errors import BadInputError

USERS, FILMS = np.array([[1], [2], [3]]), np.array([[4], [5], [6]])
TARGETS = np.array([0, 1, 0])


def model_of(structure):
    """Makes a model whose inputs, `user` and perhaps `film`, are so held."""
    inputs = keras.tree.flatten(structure)
    table = layers.Embedding(9, 2)
    hidden = [layers.Flatten()(table(x)) for x in inputs]
    added = layers.Add()(hidden) if len(hidden) > 1 else hidden[0]
    return keras.Model(structure, layers.Dense(2)(added))


def tensor(name):
    return keras.Input((1,), dtype="int32", name=name)


STRUCTURES = {
    "one": lambda: tensor("user"),
    "list": lambda: [tensor("user"), tensor("film")],
    "tuple": lambda: (tensor("user"), tensor("film")),
    "dict": lambda: {"user": tensor("user"), "film": tensor("film")},
    "dict of one": lambda: {"user": tensor("user")},
}


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.parametrize("has_targets", [False, True])
def test_inputs_by_name_are_given_as_the_model_takes_them(
    kind, has_targets, tmp_path
):
    structure = STRUCTURES[kind]()
    model = model_of(structure)
    names = [x.name for x in keras.tree.flatten(structure)]
    arrays = {"user": USERS, "film": FILMS}
    given = {name: arrays[name] for name in names}
    np.savez(
        tmp_path / "a.npz", **given, **({"y": TARGETS} if has_targets else {})
    )
    x = read_inputs(tmp_path / "a.npz", model)
    if has_targets:
        x, y = x
        np.testing.assert_array_equal(y, TARGETS)
    assert isinstance(x, dict) == isinstance(structure, dict)
    wanted = [given[name] for name in names]
    for found, expected in zip(keras.tree.flatten(x), wanted, strict=True):
        np.testing.assert_array_equal(found, expected)
    model(x)  # warnings are errors


def sequential():
    held = [layers.Embedding(9, 2), layers.Flatten(), layers.Dense(2)]
    return keras.Sequential([tensor("user"), *held])


@pytest.mark.parametrize("name", ["x", "user"])
@pytest.mark.parametrize(
    "make",
    [
        sequential,
        lambda: model_of(STRUCTURES["one"]()),
        lambda: model_of(STRUCTURES["dict of one"]()),
    ],
    ids=["Sequential", "one", "dict of one"],
)
def test_the_only_input_may_be_x(make, name, tmp_path):
    model = make()
    np.savez(tmp_path / "a.npz", **{name: USERS}, y=TARGETS)
    x, _ = read_inputs(tmp_path / "a.npz", model)
    model(x)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
    model.fit(x, TARGETS, verbose=0)


def test_other_names_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", user=USERS, movie=FILMS)
    model = model_of(STRUCTURES["dict"]())
    with pytest.raises(BadInputError, match=r"\(film, user\).*movie, user"):
        read_inputs(tmp_path / "a.npz", model)
