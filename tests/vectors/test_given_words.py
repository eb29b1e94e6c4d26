"""Words beside a file of vectors, and words of any kind to be written."""

import json
import struct

import numpy as np
import pytest

from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.read_vectors import open_vectors, read_vectors
from kd_keras.vectors.write_vectors import write_vectors

ARRAY = np.float32([[0.5, 1], [2, 3], [4, 5]])
WORDS = ["the", ". . .", "日本"]
LINES = "".join(f"{word}\n" for word in WORDS)


@pytest.fixture(params=["npy", "npz", "tsv"])
def table(request, tmp_path):
    """A file of vectors without words."""
    path = tmp_path / f"v.{request.param}"
    if request.param == "npy":
        np.save(path, ARRAY)
    elif request.param == "npz":
        np.savez(path, vectors=ARRAY)
    else:
        np.savetxt(path, ARRAY)
    return path


@pytest.mark.parametrize(
    "name, content",
    [
        ("words.txt", LINES),
        ("words.txt", LINES.rstrip("\n")),
        ("words.txt", LINES.replace("\n", "\r\n")),
        ("words.tsv", "\ufeff" + LINES),
        ("words.json", json.dumps(WORDS)),
        ("words", json.dumps(WORDS, indent=2, ensure_ascii=False) + "\n"),
    ],
)
def test_words_of_a_file(table, put, name, content):
    path = put(name, content)
    for given in (path, str(path), WORDS, tuple(WORDS), np.array(WORDS)):
        read = read_vectors(table, words=given)
        assert read.words == WORDS
        assert all(type(word) is str for word in read.words)
        np.testing.assert_array_equal(read.vectors, ARRAY)


def test_words_that_begin_as_json_does(table, put):
    words = ["[", "]", '["a"']
    path = put("words.txt", "\n".join(words))
    assert read_vectors(table, words=path).words == words


def test_a_memory_map_stays_one(tmp_path):
    np.save(tmp_path / "v.npy", ARRAY)
    read = open_vectors(tmp_path / "v.npy", words=WORDS)
    assert isinstance(read.vectors, MappedRows) and read.words == WORDS
    read = open_vectors(tmp_path / "v.npy", "first", words=["a", "b", "a"])
    assert read.words == ["a", "b"] and read.dropped == 1
    assert read.vectors.tolist() == ARRAY[:2].tolist()


@pytest.mark.parametrize(
    "words, what",
    [
        (["a", "b"], "3 words. Received: 2 words"),
        ([*WORDS, "x"], "3 words. Received: 4 words"),
        (["a", "", "b"], "must not be empty"),
        (["a", "b\nc", "b"], "line break"),
        (["a", "b", "a"], "one row only"),
    ],
)
def test_wrong_words(table, words, what, refusal):
    assert what in refusal(table, words=words)


@pytest.mark.parametrize(
    "name, content, what",
    [
        ("w.txt", "a\nb\n\nc\n", "3 words. Received: 4 words"),
        ("w.txt", "a\n\nb\n", "must not be empty"),
        ("w.txt", b"a\n\xff\nb\n", "w.txt: Words must be UTF-8"),
        ("w.json", '{"a": 0, "b": 1, "c": 2}', "must be a list of strings"),
        ("w.json", "[1, 2, 3]", "must be a list of strings"),
        ("w.json", "[" * 10**5, "must be a list of strings"),
        ("w.txt", "", "3 words. Received: 0 words"),
        ("none.txt", None, "none.txt: The file of words must be readable"),
        (".", None, "The file of words must be readable"),
    ],
)
def test_wrong_files_of_words(table, put, tmp_path, name, content, what):
    path = tmp_path / name if content is None else put(name, content)
    with pytest.raises(ValueError) as error:
        read_vectors(table, words=path)
    assert what in str(error.value) and "\n" not in str(error.value)


NOT_WORDS = {
    "bytes": [b"a", b"b", b"c"],
    "integers": [7, 8, 9],
    "None": ["a", None, "c"],
    "numpy integers": np.arange(3),
    "nested": [["a"], ["b"], ["c"]],
    "a string in bytes": b"abc",
    "a set": {"a", "b", "c"},
    "a dictionary": {"a": 0, "b": 1, "c": 2},
    "a number": 3,
    "a surrogate": ["a", "\ud800", "c"],
}


@pytest.mark.parametrize("name", NOT_WORDS)
def test_what_is_no_list_of_strings_is_refused_in_a_line(table, name, tmp_path):
    for attempt in (
        lambda: read_vectors(table, words=NOT_WORDS[name]),
        lambda: write_vectors(tmp_path / "w.txt", NOT_WORDS[name], ARRAY),
    ):
        with pytest.raises(ValueError, match="Received: ") as error:
            attempt()
        assert "\n" not in str(error.value)
    assert not (tmp_path / "w.txt").exists()


@pytest.mark.parametrize(
    "words",
    [
        {"the": 0, ". .": 1, "c": 2}.keys(),
        ("the", ". .", "c"),
        np.array(["the", ". .", "c"]),
        np.array(["the", ". .", "c"], object),
        iter(["the", ". .", "c"]),
    ],
)
def test_words_of_any_kind_are_written(tmp_path, words):
    write_vectors(tmp_path / "v.txt", words, ARRAY)
    assert read_vectors(tmp_path / "v.txt").words == ["the", ". .", "c"]


def test_words_are_of_the_file_or_given_but_not_both(put, tmp_path, refusal):
    np.savez(tmp_path / "v.npz", vectors=ARRAY, words=WORDS)
    row = b"the " + struct.pack("<2f", 1, 2)
    for path in (tmp_path / "v.npz", put("v.bin", b"1 2\n" + row)):
        for words in (False, WORDS):
            assert "words of its own" in refusal(path, words=words)
        assert read_vectors(path, words=True).words[0] == "the"
    text = put("v.txt", "the 1 2\nof 3 4\n")
    for words in (False, ["a", "b"]):
        assert "'the', not a number" in refusal(text, words=words)
    assert read_vectors(text, words=True).words == ["the", "of"]


def test_words_that_are_not_there(tmp_path, refusal):
    np.save(tmp_path / "v.npy", ARRAY)
    assert "must have words" in refusal(tmp_path / "v.npy", words=True)
    assert read_vectors(tmp_path / "v.npy", words=False).words is None
