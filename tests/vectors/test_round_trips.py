"""Vectors read from a file are exactly those that were written."""

import gzip

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from vector_files import (
    GLOVE,
    HEADED,
    npy,
    npz,
    refused,
    same,
    settings,
    tables,
    text_word,
    word2vec,
)

from kd_keras.vectors import open_file, word2vec_binary
from kd_keras.vectors.checks import check_vectors
from kd_keras.vectors.read_vectors import read_vectors
from kd_keras.vectors.write_vectors import write_vectors


@settings
@hypothesis.given(tables(keep=text_word), st.booleans(), st.integers(1, 40))
def test_text_round_trip(tmp_path, monkeypatch, table, header, block):
    words, array = table
    path = tmp_path / "vectors.txt"
    try:
        write_vectors(path, words, array, header)
    except ValueError:
        assert not header  # the first line looks like a header
        hypothesis.reject()
    # Small blocks cut lines and letters anywhere except in the first row, which
    # distinguishes a text with NUL in its words from a binary file.
    head = b"\n".join(path.read_bytes().split(b"\n")[:2])
    monkeypatch.setattr(open_file, "BLOCK_BYTES", max(block, len(head) + 1))
    monkeypatch.setattr(open_file, "HEAD_BYTES", 1 << 16)
    same(read_vectors(path), words, array)
    zipped = tmp_path / "vectors.txt.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    same(read_vectors(zipped), words, array)


def binary_word(word):
    return " " not in word and "\n" not in word


@settings
@hypothesis.given(tables(keep=binary_word), st.booleans(), st.integers(1, 40))
def test_word2vec_binary_round_trip(tmp_path, monkeypatch, table, end, block):
    words, array = table
    data = word2vec(words, array, b"\n" if end else b"")
    monkeypatch.setattr(open_file, "BLOCK_BYTES", max(block, 16))
    monkeypatch.setattr(word2vec_binary, "FLUSH_BYTES", 20)
    for name, content in [("v.bin", data), ("v.bin.gz", gzip.compress(data))]:
        (tmp_path / name).write_bytes(content)
        read = read_vectors(tmp_path / name)
        same(read, words, array)
        assert read.format.startswith("word2vec binary")


def numpy_word(word):
    return "\n" not in word and not word.endswith("\0")  # numpy drops these


@settings
@hypothesis.given(tables(keep=numpy_word))
def test_numpy_round_trip(tmp_path, table):
    words, array = table
    (tmp_path / "v.npy").write_bytes(npy(array))
    same(read_vectors(tmp_path / "v.npy"), None, array)
    octets = np.array([word.encode() for word in words])
    for said in (np.array(words), octets):
        (tmp_path / "v.npz").write_bytes(npz(words=said, vectors=array))
        same(read_vectors(tmp_path / "v.npz"), words, array)
    (tmp_path / "v.npz").write_bytes(npz(matrix=array, size=np.array(3.5)))
    same(read_vectors(tmp_path / "v.npz"), None, array)


def test_large_text_is_read_in_several_blocks(tmp_path):
    generator = np.random.default_rng(0)
    array = generator.normal(size=(12_000, 50)).astype(np.float32)
    words = [f"word{i}" for i in range(12_000)]
    words[7_777] = "a b c"  # its block is parsed from the right
    path = tmp_path / "large.txt"
    write_vectors(path, words, array, header=False)
    assert path.stat().st_size > 1.5 * open_file.BLOCK_BYTES
    calls = []
    same(read_vectors(path, progress=lambda *c: calls.append(c)), words, array)
    size = path.stat().st_size
    assert calls == sorted(calls) and len(calls) > 2
    assert calls[-1] == (size, size) and calls[0][0] < size


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", " \n"),  # as word2vec writes
        lambda text: text + "\n \n\r\n",
        lambda text: text.replace("0.5 1", "0.5\t1").replace("4 5", "4   5"),
        lambda text: "\ufeff" + text,
    ],
)
@pytest.mark.parametrize("text", [GLOVE, HEADED])
def test_variants_of_text(save, change, text):
    read = read_vectors(save(change(text)))
    assert read.words == ["the", ". . .", "New York"]
    wanted = np.array([[0.5, 1], [2, -0.03], [4, 5]], np.float32)
    assert (read.vectors == wanted).all()
    assert read.dropped == 0 and read.notes == ()


def test_tab_after_the_word(save):
    read = read_vectors(save("the\t0.5 1\nof\t2 3\n"))
    assert read.words == ["the", "of"]
    assert read.vectors.tolist() == [[0.5, 1], [2, 3]]


def test_two_whole_numbers_in_line_1_are_a_header(save):
    assert read_vectors(save("2 1\n1990 5\n1991 7\n")).words == ["1990", "1991"]
    assert read_vectors(save("x 2\n1990 5\n")).words == ["x", "1990"]
    refused(save("1990 5\n1991 7\n"), "Line 2 .* 5 numbers. Received: 1 num")


def test_the_name_is_free_where_its_suffix_says_nothing(save):
    array = np.float32([[0.1, 0.2]])
    for content in (
        GLOVE,
        word2vec(["a"], array),
        npy(array),
        npz(vectors=array),
        gzip.compress(GLOVE.encode()),
    ):
        assert read_vectors(save(content, "vectors.dat")).vectors.shape[1] == 2


def test_npy_stays_on_disk(save):
    array = np.arange(12, dtype=np.float32).reshape(4, 3)
    read = read_vectors(save(npy(array), "v.npy"))
    assert isinstance(read.vectors, np.memmap)
    assert isinstance(check_vectors(read.vectors), np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        read.vectors[0] = 1


@pytest.mark.parametrize("dtype", ["f2", "f8", ">f4"])
def test_other_floats_become_float32(save, dtype):
    array = np.array([[0.5, -1], [2, 3]], dtype)
    for name, data in [("v.npy", npy(array)), ("v.npz", npz(vectors=array))]:
        same(read_vectors(save(data, name)), None, array.astype(np.float32))
