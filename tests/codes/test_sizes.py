"""Sizes compared with the paper's arithmetic and with real arrays."""

import json
import math

import numpy as np
import pytest

from kd_keras.cli.options import make_parser
from kd_keras.codes.packing import pack_codes
from kd_keras.codes.random_codes import random_codes
from kd_keras.codes.sizes import (
    code_size_bits,
    embedding_bytes,
    packed_code_bytes,
    parameter_count,
)
from kd_keras.layers.compositions.by_name import COMPOSITIONS


@pytest.mark.parametrize(
    "d, composition, saved, without_codes",
    [(200, "lstm", "82.0%", "87.0%"), (1500, "linear", "96.7%", "97.3%")],
)
def test_the_papers_table_1(d, composition, saved, without_codes):
    count = parameter_count(10_000, d, 50, 10, 200, composition)
    assert f"{count.saved:.1%}" == saved
    assert f"{count.saved_without_codes:.1%}" == without_codes
    assert count.ratio == pytest.approx(1 / (1 - count.saved))


@pytest.mark.parametrize(
    "composition, code_dim, shapes",
    [
        ("linear", None, [(12, 6, 48)]),  # there is no H if d' = d
        ("linear", 48, [(12, 6, 48)]),
        ("linear", 20, [(12, 6, 20), (20, 48)]),
        ("lstm", 48, [(12, 6, 48)] + 4 * [(48, 48), (48,)]),
        ("lstm", 20, [(12, 6, 20)] + 4 * [(20, 20), (20,)] + [(20, 48)]),
        ("residual", None, [(12, 6, 48), (48, 192), (192,), (192, 48)]),
        (
            "residual",
            20,
            [(12, 6, 20), (20, 48), (20, 80), (80,), (80, 48)],
        ),
        ("concat", None, [(12, 6, 4)]),
        ("concat", 4, [(12, 6, 4)]),
    ],
)
def test_counts_and_bytes_are_those_of_the_weights(
    composition, code_dim, shapes
):
    weights = [np.zeros(shape, np.float16) for shape in shapes]
    arguments = (700, 48, 6, 12, code_dim, composition)
    count = parameter_count(*arguments)
    assert count.code_embeddings == weights[0].size
    assert count.composition == sum(w.size for w in weights[1:])
    assert count.without_codes == sum(w.size for w in weights)
    assert count.total == count.without_codes + 700 * 12
    assert count.conventional == 700 * 48
    size = embedding_bytes(*arguments, bytes_per_float=2)
    packed = pack_codes(random_codes(700, 6, 12, seed=0), 6)
    assert size.codes == packed.nbytes
    assert size.code_embeddings == weights[0].nbytes
    assert size.total == packed.nbytes + sum(w.nbytes for w in weights)
    assert size.conventional == 700 * 48 * 2
    assert size.saved == pytest.approx(1 - size.total / size.conventional)


def test_floats_are_of_four_bytes_unless_told():
    size, count = (f(9, 8, 5, 3) for f in (embedding_bytes, parameter_count))
    assert size.code_embeddings == 4 * count.code_embeddings


def test_to_dict_is_plain_json():
    told = embedding_bytes(10_000, 200, 16, 32).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["total"] == told["codes"] + told["without_codes"] == 569_600
    assert set(told) >= {"conventional", "ratio", "saved"}


@pytest.mark.parametrize("K", [2, 3, 50, 256, 257])
def test_bits_and_packed_bytes(K):
    assert code_size_bits(100, K, 7) == pytest.approx(700 * math.log2(K))
    packed = pack_codes(random_codes(100, K, 7, seed=0), K)
    assert packed_code_bytes(100, K, 7) == packed.nbytes
    assert 8 * packed.nbytes >= code_size_bits(100, K, 7)


@pytest.mark.parametrize(
    "change, what",
    [
        ({"N": 0}, "N must .* Received: N=0"),
        ({"d": 0}, "d must .* Received: d=0"),
        ({"K": 1}, "K must .* Received: K=1"),
        ({"D": 0}, "D must .* Received: D=0"),
        ({"code_dim": 0}, "code_dim must .* Received: code_dim=0"),
        ({"composition": "gru"}, "linear, lstm, concat.*'gru'"),
        ({"composition": "concat", "D": 5}, "d=48, D=5, code_dim=None"),
        ({"composition": "concat", "code_dim": 5}, "d=48, D=12, code_dim=5"),
        ({"bytes_per_float": 0}, "Received: bytes_per_float=0"),
    ],
)
def test_bad_arguments(change, what):
    arguments = {"N": 700, "d": 48, "K": 6, "D": 12} | change
    with pytest.raises(ValueError, match=what):
        embedding_bytes(**arguments)


@pytest.mark.parametrize(
    "hidden_dim, composition",
    [(0, "residual"), (-5, "residual"), (2.5, "residual"), (4, "linear")],
)
def test_a_wrong_hidden_dim_is_refused(hidden_dim, composition):
    with pytest.raises(ValueError, match=f"Received: hidden_dim={hidden_dim}"):
        parameter_count(9, 8, 4, 2, None, composition, hidden_dim)


def test_hidden_units_are_counted():
    count = parameter_count(9, 8, 4, 2, None, "residual", hidden_dim=5)
    assert count.composition == 8 * 5 + 5 + 5 * 8


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_every_composition_is_counted_and_on_the_command_line(name):
    assert parameter_count(9, 8, 4, 2, None, name).total > 0
    given = make_parser().parse_args(["compress", "x", "--composition", name])
    assert given.composition == name
