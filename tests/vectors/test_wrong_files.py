"""A file that is not as it should be is a clear error of one line."""

import gzip
import struct

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
    settings,
    tables,
    text_word,
    word2vec,
)

from kd_keras.vectors import open_file, text_lines
from kd_keras.vectors.read_vectors import read_vectors
from kd_keras.vectors.table import VectorFileError
from kd_keras.vectors.write_vectors import write_vectors


@pytest.mark.parametrize(
    "text, what",
    [
        ("the 1 2\nof 1\n", "Line 2 .* a word and 2 numbers. Received: 1 n"),
        ("the 1\nof 1 2\n", "Line 1 .* a word and 2 numbers. Received: 1 n"),
        ("the 1 2\nof 1 2\nto 1 2 3\n", "Line 3 .* 2 .*Received: 3 numbers"),
        ("2 2\nthe 1 2\nof 1 2 3\n", "Line 3 .* 2 .*Received: 3 numbers"),
        ("a 1 2\nb 1 2\nc 5 d 1 2\n", "Line 3 .* 2 numbers. Received: 2 num"),
        ("2 2\nthe\t5 1 2\nof 1 2\n", "Line 2 .* 2 .*Received: 3 numbers"),
        ("the 1 2\nof\n", "Line 2 .*Received: 0 numbers"),
        ("the 1 2\n 1 2\n", "Line 2 must begin with a word.* without a word"),
        ("the 1 x\nof 1 2\n", "Line 1 .*Received: 'x', not a number"),
        ("the 1 2\nof 1_0 2\n", "Line 2 .*Received: '1_0', not a number"),
        ("the 1 2\nof 0x1 2\n", "Line 2 .*Received: '0x1', not a number"),
        ("the 1 2\nof 1.2.3 2\n", "Line 2 .*Received: '1.2.3', not a"),
        ("the 1 2\nof 1\uff11 2\n", "Line 2 .*Received: '1\uff11', not a"),
        ("the 1 2\na 1 2\nof 1,5 2\nto 1\n", "Line 3 .*Received: '1,5', not a"),
        ("the 1 nan\nof 1 2\n", r"finite.* nan in line 1 \('the'\), dim.* 1"),
        ("2 2\nthe 1 1\nof -inf 2\n", r"-inf in line 3 \('of'\), dim.* 0"),
        ("the 1 1\nof 1e39 2\n", r"inf in line 2 \('of'\), dimension 0"),
        ("the 1 2\n\nof 1 2\n", "line 2, which is blank"),
        ("\nthe 1 2\n", "line 1, which is blank"),
        ("the 1 2\nof 1 2\nthe 3 4\n", "'the' in line 1 and line 3$"),
        ("3 1\nthe 1\nof 1\nthe 3\n", "'the' in line 2 and line 4$"),
        ("3 2\nthe 1 2\nof 1 2\n", "truncated.* line 1 promises 3.*: 2 rows"),
        ("3 2\n", "truncated.* line 1 promises 3.*: 0 rows"),
        ("1 2\nthe 1 2\nof 1 2\n", "1 rows.* promises.*another row in line 3"),
        ("0 2\n", "at least one row.*Received: 0 rows, 2 columns"),
        ("3 0\nthe\nof\nto\n", "at least one row.*: 3 rows, 0 columns"),
        ("", "Received: 0 bytes"),
        ("\n \n", "Received: blank lines"),
        ("Once upon a time\nthere was\n", "'Once upon a time' in line 1"),
        ("cat 0.1 abc 0.3\n", "Line 1 .* 1 numbers"),
    ],
)
def test_wrong_text(save, text, what):
    refused(save(text), what)
    if text:
        refused(save(gzip.compress(text.encode()), "v.txt.gz"), what)


def test_text_that_is_not_utf_8(save):
    latin = "the 1 2\ncaf\xe9 1 2\n".encode("latin-1")
    refused(save(latin), r"UTF-8. Received: b'caf\\xe9' in line 2")
    refused(save(b"2 2\n" + latin), "UTF-8.* in line 3")
    refused(save(bytes(range(256))), "Line|line")


def test_a_line_that_does_not_end(save, monkeypatch):
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1_000)
    monkeypatch.setattr(open_file, "BLOCK_BYTES", 100)
    refused(save("a 1\n" + "x" * 2_000), "more than 1000 bytes in line 2")


def test_a_blank_line_at_the_end_of_a_block(save, monkeypatch):
    monkeypatch.setattr(open_file, "BLOCK_BYTES", 100)
    # "b 2" begins the third block.
    path = save("a 1\n" + "\n" * 196 + "b 2\n")
    refused(path, "rows after line 2, which is blank")
    assert read_vectors(save("a 1\n" + "\n" * 200)).words == ["a"]


ARRAY = np.float32([[0.1, 0.2], [1, 2], [3, -4]])
WORDS = ["the", "of", "to"]
GOOD = {
    "v.txt": GLOVE.encode(),
    "v.vec": HEADED.encode(),
    "v.bin": word2vec(WORDS, ARRAY),
    "v.npy": npy(ARRAY),
    "v.npz": npz(vectors=ARRAY, words=np.array(WORDS)),
    "v.txt.gz": gzip.compress(HEADED.encode()),
    "v.bin.gz": gzip.compress(word2vec(WORDS, ARRAY)),
}
SAID = ["text", "text", "word2vec binary", r"\.npy", r"\.npz", "gzip", "gzip"]


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("other, said", list(zip(GOOD, SAID, strict=True)))
def test_a_file_that_is_not_what_its_name_says(save, name, other, said):
    read_vectors(save(GOOD[name], name))  # the right content
    texts = {"v.txt", "v.vec"}
    path = save(GOOD[other], name)
    if other == name or {name, other} <= texts:
        read_vectors(path)
    elif name.endswith("gz") and other.endswith("gz"):
        refused(path, "must match the file name.*Received: (text|word2vec)")
    else:
        refused(path, f"must match the file name.*Received: .*{said}")


def test_gzip_of_arrays_is_to_be_unpacked(save):
    what = "unpack any other format first"
    refused(save(gzip.compress(GOOD["v.npy"]), "v.npy.gz"), what)
    refused(save(gzip.compress(GOOD["v.npz"]), "v.gz"), what)


@pytest.mark.parametrize("name", GOOD)
def test_a_cut_file_is_never_taken_for_the_whole(save, name):
    whole = read_vectors(save(GOOD[name], name))
    for length in range(len(GOOD[name])):
        path = save(GOOD[name][:length], name)
        try:
            cut = read_vectors(path)
        except VectorFileError as error:
            assert "Received: " in str(error)
            continue
        # Only text and word2vec binary can be read at all if truncated.
        assert name in ("v.txt", "v.vec", "v.bin")
        N = len(cut.vectors)
        assert cut.words == whole.words[:N]
        if (cut.vectors == whole.vectors[:N]).all():
            # Only a line break is lost, or lines that no header promised.
            assert N == 3 or name == "v.txt"
        else:
            # A number in the last line is cut in two, and a note warns of it.
            assert (cut.vectors == whole.vectors[:N])[:-1].all()
            assert "does not end in a line break" in cut.notes[0]


@settings
@hypothesis.given(tables(keep=text_word), st.data())
def test_any_cut_of_headed_text(tmp_path, table, data):
    words, array = table
    path = tmp_path / "cut.txt"
    write_vectors(path, words, array)
    whole = path.read_bytes()
    length = data.draw(st.integers(0, len(whole) - 2))
    path.write_bytes(whole[:length])
    try:
        cut = read_vectors(path)
    except VectorFileError:
        return
    # The header has the number of rows, so only the last number can be cut.
    assert cut.words == words and cut.notes
    flat, wanted = cut.vectors.ravel(), array.ravel()
    assert (flat[:-1] == wanted[:-1]).all()


def test_a_missing_last_line_end_is_noted_but_not_in_gzip(save):
    text = GLOVE.rstrip("\n")
    read = read_vectors(save(text))
    assert len(read.notes) == 1 and "line 3" in read.notes[0]
    assert read_vectors(save(GLOVE)).notes == ()
    zipped = save(gzip.compress(text.encode()), "v.txt.gz")
    assert read_vectors(zipped).notes == ()


def test_damaged_gzip(save):
    data = bytearray(GOOD["v.bin.gz"])
    data[-6] ^= 1  # the checksum, read after the last row
    refused(save(bytes(data), "v.bin.gz"), "gzip .*undamaged. Received: CRC")
    refused(save(gzip.compress(b""), "v.txt.gz"), "Received: 0 bytes")


def test_wrong_word2vec_binary(save):
    data = GOOD["v.bin"]
    refused(save(data + b"more", "v.bin"), "3 rows, .*Received: more bytes")
    what = "truncated: 93 rows .* at least 935 bytes"
    refused(save(b"9" + data, "v.bin"), what)
    zipped = gzip.compress(b"9" + data)
    what = "truncated.*93 rows. Received: 3 complete rows"
    refused(save(zipped, "v.bin.gz"), what)
    bad = data.replace(b"of ", b"\xff\xff ")
    refused(save(bad, "v.bin"), r"UTF-8. Received: b'\\xff\\xff' in row 1")
    twice = word2vec(["a", "b", "a"], ARRAY)
    refused(save(twice, "v.bin"), "'a' in row 0 and row 2$")
    empty = word2vec(["a", "", "bcd"], ARRAY)
    refused(save(empty, "v.bin"), "not be empty.* '' in row 1")
    nan = word2vec(WORDS, ARRAY * [np.nan, 1])
    refused(save(nan, "v.bin"), r"nan in row 0 \('the'\), dimension 0")
    none = struct.pack("<3f", 1, 2, 3)
    refused(save(b"0 3\na " + none, "v.bin"), "at least one row")
    refused(save(b"\x00\x01" * 50, "v.bin"), "Received: none of the formats")


@pytest.mark.parametrize(
    "array, what",
    [
        (np.zeros(3, "f4"), r"rank 2 .*shape=\(3,\)"),
        (np.zeros((3, 2, 2), "f4"), r"rank 2 .*shape=\(3, 2, 2\)"),
        (np.zeros((3, 2), int), "float64. Received: dtype=int64"),
        (np.zeros((3, 2), complex), "float64. Received: dtype=complex"),
        (np.zeros((0, 2), "f4"), r"rows and columns.*shape=\(0, 2\)"),
        (np.zeros((2, 0), "f4"), r"rows and columns.*shape=\(2, 0\)"),
        (np.array([[0, 1], [2, np.nan]]), "nan in row 1, dimension 1"),
        (np.array([[0, 1], [1e300, 0]]), "inf in row 1, dimension 0"),
        (np.array([["a"]], object), "without pickle"),
    ],
)
def test_wrong_arrays(save, array, what):
    refused(save(npy(array), "v.npy"), what)
    refused(save(npz(vectors=array), "v.npz"), what)


@pytest.mark.parametrize(
    "arrays, what",
    [
        ({"a": ARRAY, "b": ARRAY}, '"vectors", or one .*Received: a, b$'),
        ({"words": np.array(WORDS)}, '"vectors", or one .*Received: words$'),
        ({}, "Received: no arrays$"),
        ({"vectors": ARRAY, "words": np.array(["a"])}, r"3 str.*=\(1,\)"),
        ({"vectors": ARRAY, "words": np.arange(3)}, "3 str.*dtype=int64"),
        ({"vectors": ARRAY, "words": np.array(WORDS, object)}, "pickle"),
        ({"vectors": ARRAY, "words": np.array([b"\xff"] * 3)}, "UTF-8"),
        ({"vectors": ARRAY, "words": np.array(["\ud800"] * 3)}, "UTF-8"),
        ({"vectors": ARRAY, "words": np.array(["a", "", "b"])}, "empty.*row 1"),
        (
            {"vectors": ARRAY, "words": np.array(["a", "b\nc", "b"])},
            "line break",
        ),
        ({"vectors": ARRAY, "words": np.array(["a", "b", "a"])}, "row 0 and"),
    ],
)
def test_wrong_npz(save, arrays, what):
    refused(save(npz(**arrays), "v.npz"), what)


def test_no_file_and_directory(tmp_path):
    refused(tmp_path / "none.txt", "no such file")
    refused(tmp_path, "a directory")


@pytest.mark.parametrize(
    "text, name",
    [
        ("a 1\nb 2\na 3\nb 4\nc 5\n", "v.txt"),
        ("5 1\na 1\nb 2\na 3\nb 4\nc 5\n", "v.vec"),
    ],
)
def test_duplicates_first(save, text, name):
    read = read_vectors(save(text, name), duplicates="first")
    assert read.words == ["a", "b", "c"] and read.dropped == 2
    assert read.vectors.tolist() == [[1], [2], [5]]
    with pytest.raises(ValueError, match="duplicates='last'$"):
        read_vectors(save(text, name), duplicates="last")


# Writing and checking.


@pytest.mark.parametrize(
    "words, options, what",
    [
        (["a", ""], {}, "be empty. Received: '' in row 1"),
        (["a\nb", "c"], {}, r"a line break. Received: 'a\\nb' in row 0"),
        (["a", " b"], {}, "start or end with a space"),
        (["a", "top 10"], {}, "contain a number after a space"),
        (["a", "a"], {}, "2 words, 1 different, 2 vectors"),
        (["a"], {}, "1 words, 1 different, 2 vectors"),
        (["1990", "a"], {"header": False}, "look like a header"),
        (["\ufeffa", "b"], {"header": False}, "byte order mark"),
    ],
)
def test_what_cannot_be_written_is_not(tmp_path, words, options, what):
    path = tmp_path / "v.txt"
    with pytest.raises(ValueError, match=what):
        write_vectors(path, words, [[1], [2]], **options)
    assert not path.exists()
