"""Counts of symbols that the caller of `compress` gives."""

import numpy as np
import pytest
from small_models import SIZE, STEPS, N, sequential, two_towers

import kd_keras
from kd_keras.compression.given_counts import given_counts
from kd_keras.compression.model_tables import find_tables


def test_counts_are_for_tables_of_as_many_symbols_or_by_name():
    tables, _ = find_tables(two_towers())
    by_size = given_counts(tables, np.arange(N))
    [found] = [x for x in tables if id(x) in by_size]
    assert len(found.rows) == N
    by_name = given_counts(
        tables, {x.name: [1.0] * len(x.rows) for x in tables}
    )
    assert set(by_name) == set(map(id, tables))


ONES = np.ones(N)


@pytest.mark.parametrize(
    "counts, told",
    [
        (ONES[1:], "1,999 counts; the tables have 2,000 of words"),
        ({"words": ONES[1:]}, "1,999 counts"),
        ({"word": ONES}, "('words'). Received: 'word'"),
        (-ONES, "at least 0. Received: -1.0 for symbol 0"),
        ({"words": ONES * np.nan}, "counts['words'] must be finite"),
        (0 * ONES, "2000 zeros"),
        (["a"] * N, "one number for each symbol"),
        (ONES[None], "shape=(1, 2000)"),
        (7, "shape=()"),
        ("counts.txt", "one number for each symbol"),
    ],
)
def test_counts_that_do_not_fit_are_refused(counts, told):
    tables, _ = find_tables(sequential())
    with pytest.raises(kd_keras.BadInputError) as caught:
        given_counts(tables, counts)
    message = str(caught.value)
    assert told in message
    assert "\n" not in message and "Received" in message


@pytest.mark.slow("first")
@pytest.mark.parametrize("by_name", [True, False])
def test_symbols_with_high_counts_lose_less(by_name):
    model = sequential()
    counts = np.where(np.arange(N) < STEPS, 1e6, 1)
    small, plain = (
        kd_keras.compress(
            model, "35%", effort=0, verbose=0, counts=given
        ).get_layer("words")
        for given in ({"words": counts} if by_name else counts, None)
    )
    wanted = model.get_layer("words").get_weights()[0][:STEPS]
    assert wanted.shape == (STEPS, SIZE)
    errors = [
        np.square(np.asarray(x(np.arange(STEPS))) - wanted).sum()
        for x in (small, plain)
    ]
    assert errors[0] < 0.8 * errors[1]


def test_a_plan_takes_counts_too():
    model = sequential()
    plan = kd_keras.plan(model, "35%", verbose=0, counts=np.arange(N))
    assert plan.tables[0].weighted
