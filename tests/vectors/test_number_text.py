"""Text of numbers only: never read by accident, but on purpose."""

import gzip
import io

import numpy as np
import pytest

from kd_keras.vectors import open_file
from kd_keras.vectors.read_vectors import read_vectors
from kd_keras.vectors.write_vectors import write_vectors

ARRAY = np.random.default_rng(0).normal(size=(250, 4)).astype(np.float32)
WAYS = ["words=False", "--no-words", "words=PATH", "--number-words"]


def savetxt(array=ARRAY, **options):
    out = io.StringIO()
    np.savetxt(out, array, **options)
    return out.getvalue()


# Ways in which tables without words are written.
WRITTEN = {
    "savetxt": savetxt(),
    "tabs": savetxt(delimiter="\t", fmt="%.9g"),
    "commas": savetxt(delimiter=",", fmt="%.9g"),
    "commas and spaces": savetxt(delimiter=", ", fmt="%.9g"),
    "columns": savetxt(fmt="%20.9f"),
    "CR and LF": savetxt(newline="\r\n"),
    "a space at the end": savetxt(newline=" \n"),
    "a BOM": "\ufeff" + savetxt(),
}
HEADED = {
    "a comment": savetxt(header="x y z w"),
    "two comments": savetxt(header="written by\nnumpy", comments="% "),
    "a header": "250 4\n" + savetxt(),
}


@pytest.mark.parametrize("block", [100, 1 << 22])
@pytest.mark.parametrize("name", WRITTEN | HEADED)
def test_numbers_are_read_on_purpose(put, name, block, monkeypatch):
    monkeypatch.setattr(open_file, "BLOCK_BYTES", block)
    monkeypatch.setattr(open_file, "HEAD_BYTES", 100)
    data = (WRITTEN | HEADED)[name].encode()
    for path in (
        put("vectors.tsv", data),
        put("v.txt.gz", gzip.compress(data)),
    ):
        read = read_vectors(path, words=False)
        np.testing.assert_allclose(read.vectors, ARRAY, rtol=1e-6, atol=1e-8)
        assert read.words is None and read.vectors.dtype == np.float32
        assert read.format.startswith("text of numbers only")
        words = [f"word {i}" for i in range(250)]
        read = read_vectors(path, words=words)
        assert read.words == words and read.vectors.shape == ARRAY.shape


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("columns", [1, 2, 4])
def test_numbers_are_not_taken_for_words(put, name, columns, refusal):
    lines = WRITTEN[name].splitlines(keepends=True)
    tab = next(c for c in (", ", ",", "\t", " ") if c in lines[0].strip())
    end = "\r\n" if "\r" in lines[0] else "\n"
    if columns < 4:
        lines = [
            tab.join(line.removeprefix("\ufeff").split(tab)[:columns]) + end
            for line in lines
        ]
    if columns == 2 and name == "columns":
        return  # the numbers are padded with what separates them
    message = refusal(put("vectors.tsv", "".join(lines)))
    if columns == 1 and name == "columns":
        assert "blank" in message
    else:
        assert all(way in message for way in WAYS)


def test_whole_numbers_may_be_words_on_purpose(put, refusal):
    ids = "".join(f"{i} {i / 4} {i / 8}\n" for i in range(1, 200))
    path = put("ids.txt", ids)
    assert "--number-words" in refusal(path)
    read = read_vectors(path, words=True)
    assert read.words == [str(i) for i in range(1, 200)]
    assert read.vectors.shape == (199, 2)
    assert read_vectors(path, words=False).vectors.shape == (199, 3)
    # A header says as much.
    assert read_vectors(put("h.txt", "199 2\n" + ids)).words == read.words


@pytest.mark.parametrize("place", [0, 1, 120, 249])
def test_numbers_among_words_are_words(put, place):
    words = [str(1800 + i / 2) for i in range(250)]
    words[place] = "the"
    lines = (f"{w} 0.5 {i}\n" for i, w in enumerate(words))
    read = read_vectors(put("v.txt", "".join(lines)))
    assert read.words == words and read.vectors.shape == (250, 2)


@pytest.mark.parametrize(
    "text", ["the, 0.5, 1\nof, 2, 3\n", "a; 1; 2\nb; 3; 4\n"]
)
def test_words_before_commas_are_refused(put, text, refusal):
    assert "with spaces or tabs between" in refusal(put("v.csv", text))


@pytest.mark.parametrize(
    "text, what",
    [
        ("the 1 2\nof 3 4\n", "Line 1 .* numbers only.*'the'"),
        ("1 2\nof 3\n", "Line 2 .* numbers only.*'of'"),
        ("1 2\n3 4 5\n", "Line 2 must consist of 2 numbers. Received: 3"),
        ("1,2\n3\n", "Line 2 must consist of 2 numbers. Received: 1"),
        ("0,5\t0,7\n0,5\t0,7\n", "not a number"),  # commas for points
        ("1 2\n\n3 4\n", "line 2, which is blank"),
        ("# x\n", "blank lines"),
        ("1 2\n3 nan\n", "nan in line 2, dimension 1"),
        ("# x\n1 2\n3 1e40\n", "inf in line 3, dimension 1"),
        ("3 4\n1 2 3\n", "4 numbers, as the header promises. Received: 3"),
        ("3 4\n1 2 3 4\n", "header promises 3 rows. Received: 1 rows"),
    ],
)
def test_wrong_numbers(put, text, what, refusal):
    import re

    message = refusal(put("v.tsv", text), words=False)
    assert re.search(what, message), message


def test_a_row_of_two_whole_numbers_is_a_row(put):
    read = read_vectors(put("v.tsv", "3 2\n1 2\n3 4\n"), words=False)
    assert read.vectors.tolist() == [[3, 2], [1, 2], [3, 4]]
    read = read_vectors(put("v.tsv", "3 2\n1 2\n3 4\n5 6\n"), words=False)
    assert read.vectors.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_words_that_are_all_numbers_are_written_with_a_header(tmp_path):
    path = tmp_path / "v.txt"
    words = [f"{1990 + i}" for i in range(4)]
    with pytest.raises(ValueError, match="header=True. Received: '1990'"):
        write_vectors(path, words, ARRAY[:4], header=False)
    assert not path.exists()
    write_vectors(path, words, ARRAY[:4])
    assert read_vectors(path).words == words
