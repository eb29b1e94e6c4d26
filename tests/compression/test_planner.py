"""Tests of plans: what the file really takes decides them."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kd_keras
from kd_keras.compression.file_size import FileSize

N, DIM, STEPS = 600, 32, 10


def tied_with_attention():
    """A model of which the converter writes the table twice in int8."""
    keras.utils.set_random_seed(0)
    ids = keras.Input((STEPS,), dtype="int32")
    items = layers.ReversibleEmbedding(N, DIM, name="items")
    hidden = items(ids)
    attention = layers.MultiHeadAttention(2, 16)
    hidden = hidden + attention(hidden, hidden, use_causal_mask=True)
    return keras.Model(ids, items(hidden, reverse=True))


def test_more_bytes_are_used_and_never_make_a_plan_worse():
    model = tied_with_attention()
    size = FileSize(model, "int8")
    assert size.bytes_of_table("items") == 2 * N * DIM
    with pytest.raises(kd_keras.BadInputError, match="at least") as told:
        kd_keras.plan(model, 1000, verbose=0)
    least, rest = (
        int(word.replace(",", ""))
        for word in str(told.value).split()
        if word[0].isdigit()
    )
    assert rest < least
    budgets = np.linspace(least, 1.3 * least, 3).astype(int)
    plans = [kd_keras.plan(model, int(x), verbose=0) for x in budgets]
    errors = [plan.tables[0].error for plan in plans]
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0]
    assert all(
        0.9 * x < plan.bytes <= x
        for x, plan in zip(budgets, plans, strict=True)
    )
    assert plans[0].tables[0].bytes_before == 2 * N * DIM


def test_tables_of_one_name_are_not_one_table_twice():
    inputs = [keras.Input((STEPS,), dtype="int32") for _ in "ab"]
    towers = []
    for tower in "ab":
        ids = keras.Input((STEPS,), dtype="int32")
        words = layers.Embedding(N, DIM, name="words")
        towers.append(keras.Model(ids, words(ids), name=tower))
    found = [f(x) for f, x in zip(towers, inputs, strict=True)]
    model = keras.Model(inputs, layers.Dot(2)(found))
    plan = kd_keras.plan(model, "50%", verbose=0)
    assert [x.bytes_before for x in plan.tables] == [N * DIM, N * DIM]


class AllAtOnce(keras.Model):
    """Scores all items by looking each of them up."""

    def __init__(self, items=2000):
        super().__init__(name="all_at_once")
        self.items = layers.Embedding(items, DIM, name="items")
        self.items.build()
        self.mean = layers.GlobalAveragePooling1D()

    def call(self, ids):
        every = self.items(ops.arange(self.items.input_dim))
        return ops.matmul(self.mean(self.items(ids)), ops.transpose(every))


class ByTheTable(AllAtOnce):
    """Scores all items by the weights of the table."""

    def call(self, ids):
        every = self.items.embeddings
        return ops.matmul(self.mean(self.items(ids)), ops.transpose(every))


def test_weights_are_counted_if_only_the_small_model_cannot_be_exported():
    model = AllAtOnce()
    ids = np.zeros((2, STEPS), np.int32)
    model(ids)
    small = kd_keras.compress(
        model, "12 KB", ids, tune=False, effort=0, verbose=0
    )
    assert small(ids).shape == (2, 2000)
    plan = kd_keras.plan(model, "12 KB", ids, verbose=0)
    assert plan.bytes <= 12_000 and plan.before == 2000 * DIM
    [note] = [x for x in plan.notes if "without a graph" in x]
    assert "2000" in note and "user code" not in note
    codes = kd_keras.KDEmbedding(2000, DIM, 16, 4)
    codes.build()
    small = kd_keras.replace_layers(model, {"items": codes})
    with pytest.raises(kd_keras.BadInputError, match="cannot be exp") as told:
        FileSize(model, "int8", ids).of(small)
    assert "\n" not in str(told.value)


def test_a_model_that_reads_the_table_itself_is_refused_with_advice():
    model = ByTheTable()
    ids = np.zeros((2, STEPS), np.int32)
    model(ids)
    with pytest.raises(kd_keras.BadInputError, match="reverse=True") as told:
        kd_keras.plan(model, "12 KB", ids, verbose=0)
    assert "\n" not in str(told.value) and "\x1b" not in str(told.value)
