"""Tables in .safetensors files."""

import json
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_keras.cli.main import main
from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.read_vectors import open_vectors, read_vectors
from kd_keras.vectors.stored_table import stored_dtype
from kd_keras.vectors.table import VectorFileError

TABLE = np.random.default_rng(0).normal(size=(40, 6)).astype("f4")
BF16 = ml_dtypes.bfloat16
NAMES = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": BF16, "I64": "i8"}


def content(tensors, changes=None, **header):
    """The bytes of a file; `changes` are made to the headers of tensors."""
    data = b""
    for name, (kind, array) in tensors.items():
        raw = np.asarray(array).astype(NAMES[kind]).tobytes()
        header[name] = {
            "dtype": kind,
            "shape": list(np.shape(array)),
            "data_offsets": [len(data), len(data) + len(raw)],
        } | (changes or {})
        data += raw
    packed = json.dumps(header).encode()
    packed += b" " * (-len(packed) % 8)
    return len(packed).to_bytes(8, "little") + packed + data


def written(tmp_path, *args, name="model.safetensors", **kwargs):
    path = tmp_path / name
    path.write_bytes(content(*args, **kwargs))
    return path


@pytest.mark.parametrize("kind", ["F64", "F32", "F16", "BF16"])
def test_any_precision(tmp_path, kind):
    path = written(tmp_path, {"table": (kind, TABLE)}, __metadata__={"a": "b"})
    found = read_vectors(path)
    wanted = TABLE.astype(NAMES[kind]).astype("f4")
    np.testing.assert_array_equal(np.asarray(found.vectors), wanted)
    assert found.words is None and found.format == "safetensors"
    assert isinstance(open_vectors(path).vectors, MappedRows)
    assert stored_dtype(path) == np.dtype(NAMES[kind]).name


def test_a_tensor_is_named(tmp_path):
    tensors = {
        "head": ("F32", TABLE[:, :3]),
        "embed.weight": ("BF16", TABLE),
        "norm": ("F32", TABLE[0]),
        "ids": ("I64", TABLE),
    }
    path = written(tmp_path, tensors)
    found = read_vectors(path, tensor="embed.weight")
    np.testing.assert_array_equal(found.vectors, TABLE.astype(BF16))
    assert read_vectors(path, tensor="head").vectors.shape == (40, 3)
    assert stored_dtype(path, "head") == "float32"
    for name, message in (
        (None, "needs the name of one.*'head', 'embed.weight'"),
        ("nothing", "must be a tensor 'nothing'.*'head', 'embed.weight'"),
        ("norm", r"rank 2 and dtype F64.*shape=\(6,\)"),
        ("ids", "dtype=I64"),
    ):
        with pytest.raises(VectorFileError, match=message) as caught:
            read_vectors(path, tensor=name)
        assert "\n" not in str(caught.value)


def test_words_may_be_given(tmp_path):
    path = written(tmp_path, {"table": ("F16", TABLE)})
    words = [f"w{i}" for i in range(len(TABLE))]
    assert read_vectors(path, words=words).words == words


def test_a_tensor_of_another_format_is_refused(tmp_path):
    path = tmp_path / "table.npy"
    np.save(path, TABLE)
    with pytest.raises(VectorFileError, match="Only a .safetensors file"):
        read_vectors(path, tensor="table")


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [40, 7]},
        {"shape": [40, -6]},
        {"shape": [1 << 40, 1 << 40]},
        {"shape": "40"},
        {"shape": [40.0, 6]},
        {"shape": [True, 240]},
        {"data_offsets": [960, 0]},
        {"data_offsets": [1, 961]},
        {"data_offsets": [0]},
        {"data_offsets": None},
        {"dtype": 3},
        {"dtype": "F16"},
    ],
)
def test_headers_that_lie_are_refused(tmp_path, changes):
    path = written(tmp_path, {"table": ("F32", TABLE)}, changes=changes)
    with pytest.raises(VectorFileError, match="Received: ") as caught:
        read_vectors(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        b'{"a": ' * 9000,
        b'{"a": [' + b"9" * 9000 + b"]}",
        b'{"a"',
        b'{"\xff": 1}',
        b'{"a": 1}',
        b"{}",
    ],
)
def test_headers_that_are_odd_are_refused(tmp_path, header):
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    with pytest.raises(VectorFileError, match="Received: ") as caught:
        read_vectors(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_ends_anywhere_is_refused(tmp_path):
    whole = content({"table": ("F32", TABLE)})
    path = tmp_path / "model.safetensors"
    for size in (0, 4, 9, 30, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(VectorFileError, match="Received: "):
            read_vectors(path)


@settings(max_examples=200, deadline=None)
@given(
    at=st.integers(0, 130), value=st.binary(min_size=1, max_size=9), more=...
)
def test_damage_gives_a_table_or_one_line(
    tmp_path_factory, at, value, more: bool
):
    whole = bytearray(content({"table": ("F32", TABLE)}))
    whole[at : at + len(value) * more] = value
    path = tmp_path_factory.mktemp("damaged") / "model.safetensors"
    path.write_bytes(whole)
    tracemalloc.start()
    try:
        assert read_vectors(path).vectors.shape[1] >= 1
    except VectorFileError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 << 20


def test_the_command_line_compresses_a_tensor(tmp_path, capsys):
    tensors = {"table": ("BF16", TABLE), "other": ("F32", TABLE)}
    path = written(tmp_path, tensors)
    words = ["compress", str(path), "--K", "4", "--D", "2", "--effort", "0"]
    assert main([*words, "--output", str(tmp_path / "small")]) == 2
    assert "'table', 'other'" in capsys.readouterr().err
    words += ["--tensor", "table", "--output", str(tmp_path / "small")]
    assert main(words) == 0
    report = json.loads((tmp_path / "small" / "report.json").read_text())
    assert "--tensor table" in report["command"]
    assert report["bytes"]["stored_as"] == "bfloat16"
    assert report["bytes"]["stored_table"] == TABLE.size * 2
