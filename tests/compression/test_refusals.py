"""Tests of what `compress` refuses or leaves alone, and what it says."""

import re

import keras
import numpy as np
import pytest
from keras import layers, ops
from small_models import (
    SIZE,
    STEPS,
    N,
    ids_of,
    sequential,
    table,
    two_towers,
)

import kd_keras
from kd_keras.compression.make_plan import make_plan


@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.parametrize("make", [sequential, two_towers])
def test_the_least_budget_that_an_error_names_is_met(make, quantization):
    model = make()
    options = {"quantization": quantization, "verbose": 0}
    with pytest.raises(kd_keras.BadInputError) as error:
        kd_keras.plan(model, 500, **options)
    told = re.search("at least ([0-9,]+)", str(error.value))[1]
    least = int(told.replace(",", ""))
    assert kd_keras.plan(model, least, **options).bytes <= least


@pytest.mark.parametrize(
    "change, message",
    [
        ({"budget": 0}, "A budget must be.*Received: budget=0"),
        ({"budget": "2 apples"}, "A budget must be.*'2 apples'"),
        ({"budget": "0%"}, "percent must be above 0"),
        ({"budget": True}, "A budget must be"),
        ({"budget": float("nan")}, "A budget must be"),
        ({"budget": 300}, "must be at least [0-9,]+ bytes"),
        ({"model": keras.Sequential([layers.Dense(2)])}, "not built"),
        ({"model": "model.keras"}, "needs a Keras model"),
        ({"quantization": "int3"}, "quantization. must be.*int3"),
        ({"effort": -1}, "effort"),
        ({"seed": -1}, "`seed` must be"),
        ({"layers": ["nothing"]}, "must be layers of the model.*'nothing'"),
        ({"layers": []}, "must be a list of layers"),
        ({"data": np.full((4, STEPS), N)}, f"0 to {N - 1:,}.*{N:,} in `data`"),
        ({"data": -np.ones((4, STEPS), int)}, "Received: -1 in `data`"),
        (
            {"data": ids_of(9), "validation_data": -np.ones((4, STEPS), int)},
            "Received: -1 in `validation_data`",
        ),
        ({"data": (np.ones((4, STEPS)), np.ones(3))}, "one row for each"),
        ({"data": np.ones((4, 2, 2, 2, STEPS))}, "what the model takes"),
        ({"data": 3}, "must be arrays"),
        ({"data": ids_of(9).tolist()}, "in the place of an array"),
        ({"data": [ids_of(9), np.ones(9)]}, "`data`.*a list of 2 for 1 input$"),
        (
            {"data": ids_of(9), "validation_data": [ids_of(9), np.ones(9)]},
            "`validation_data`.*a list of 2 for 1 input$",
        ),
        ({"data": np.zeros((0, STEPS))}, "one row for each"),
        ({"validation_data": np.ones((4, STEPS))}, "needs `data`"),
    ],
)
def test_bad_input_is_one_line_before_any_work(change, message):
    given = {"model": sequential(), "budget": "50%", "verbose": 0} | change
    with pytest.raises(kd_keras.BadInputError, match=message) as error:
        kd_keras.compress(**given)
    assert "\n" not in str(error.value)


def test_a_held_back_row_is_checked_too():
    model = sequential()
    for row in range(20):  # some are held back
        ids = ids_of(20)
        ids[row, 2] = N
        with pytest.raises(kd_keras.BadInputError, match=f"{N:,} in `data`"):
            kd_keras.plan(model, "50%", ids, verbose=0)


def test_a_loss_that_is_no_number_is_told():
    model, x = sequential(), ids_of(30)
    model.compile("sgd", "mse")
    bad = np.full((30, model.output_shape[-1]), np.nan)
    with pytest.raises(kd_keras.BadInputError, match="nan.*`data`"):
        kd_keras.plan(model, "50%", (x, bad), verbose=0)


def test_a_model_that_nobody_can_copy_is_refused_even_if_it_is_small():
    class Hidden(keras.Model):
        def __init__(self, words):
            super().__init__()
            self.words = lambda ids: words(ids)
            self.kept = words

        def call(self, ids):
            return self.words(ids)

    model = Hidden(table())
    model(ids_of(2))
    with pytest.raises(kd_keras.BadInputError, match="within the budget"):
        kd_keras.compress(model, "12 MB", verbose=0)


class Pooled(keras.Model):
    """A class whose configuration does not describe its layers."""

    def __init__(self):
        super().__init__()
        self.words, self.pool = table(), layers.GlobalMaxPooling1D()

    def call(self, ids):
        return self.pool(self.words(ids))


def test_what_keras_could_not_load_is_left_alone_by_the_command():
    model, ids = Pooled(), ids_of(20)
    model(ids)
    planned = kd_keras.plan(model, "60%", ids, verbose=0)
    assert [x.name for x in planned.tables] == ["words"]
    with pytest.raises(kd_keras.BadInputError, match="could not be loaded"):
        make_plan(model, "60%", ids, verbose=0, needs_file=True)


def test_codes_that_a_class_makes_itself_keep_no_other_table_from_it():
    class Coded(layers.Layer):
        def __init__(self):
            super().__init__()
            self.codes = kd_keras.KDEmbedding(N, SIZE, 4, 2, name="codes")

        def call(self, ids):
            return self.codes(ids)

    ids = keras.Input((STEPS,), dtype="int32")
    model = keras.Model(ids, table()(ids) + Coded()(ids))
    found = make_plan(model, "60%", verbose=0, needs_file=True)
    assert [x.name for x in found.plan.tables] == ["words"]


def test_a_model_without_a_table_is_refused():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    with pytest.raises(kd_keras.BadInputError, match="without one"):
        kd_keras.compress(model, "50%", verbose=0)


class Decayed(keras.Model):
    """Adds to its loss what one of its tables has, in a way of its own."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.pool = kind, layers.GlobalMaxPooling1D()
        self.words, self.others = table("words"), table("others")

    def squares(self):
        return 1e-4 * ops.sum(ops.square(self.words.embeddings))

    def call(self, ids, training=False):
        if training and self.kind == "call":
            self.add_loss(self.squares())
        return self.pool(self.words(ids) + self.others(ids))

    def compute_loss(self, *given, **named):
        loss = super().compute_loss(*given, **named)
        return loss + self.squares() if self.kind == "loss" else loss


@pytest.mark.parametrize(
    "kind, has_targets", [("call", True), ("call", False), ("loss", True)]
)
def test_a_table_that_training_reads_is_left_alone(kind, has_targets):
    model, ids = Decayed(kind), ids_of(60)
    y = np.zeros((60, SIZE))
    model.compile("adam", "mse")
    model.fit(ids, y, verbose=0)
    data = (ids, y) if has_targets else ids
    found = kd_keras.plan(model, "80%", data, verbose=0)
    assert [x.name for x in found.tables] == ["others"]
    [left] = found.left
    assert left.name == "words" and "in training" in left.reason


def test_a_graph_that_reads_a_table_by_itself_is_refused():
    words, ids = table(), keras.Input((STEPS,), dtype="int32")
    hidden = layers.GlobalMaxPooling1D()(words(ids))
    hidden = layers.Dense(SIZE)(hidden)
    scores = ops.einsum("bd,nd->bn", hidden, words.embeddings)
    model = keras.Model(ids, scores)
    with pytest.raises(kd_keras.BadInputError, match="reads those of words"):
        kd_keras.compress(model, "60%", verbose=0)
    with pytest.raises(ValueError, match="reads those of words"):
        kd_keras.replace_layers(model, {})


def test_a_loss_that_needs_what_fit_gives_is_no_reason():
    class Plain(Pooled):
        def compute_loss(self, x, y, y_pred, *others, **named):
            assert y.dtype == y_pred.dtype  # as in `fit`, not numpy's doubles
            return ops.mean(ops.square(y - y_pred))

    model, ids = Plain(), ids_of(60)
    model.compile("adam", "mse")
    y = np.zeros((60, SIZE))
    model.fit(ids, y, verbose=0)
    found = kd_keras.plan(model, "60%", (ids, y), verbose=0)
    assert [x.name for x in found.tables] == ["words"] and not found.left
