"""Counts of symbols, read from files."""

import numpy as np
import pytest

from kd_keras.utils.errors import BadInputError
from kd_keras.vectors.counts import read_counts, weights_of_counts

WORDS = ["the", "of course", "7"]


def read(tmp_path, text, words=WORDS, N=3):
    path = tmp_path / "counts.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_counts(str(path), N, words)


@pytest.mark.parametrize(
    "text",
    [
        "5\n0\n1.5\n",
        "5\n0\n1.5",
        "5\r\n0\r\n1.5\r\n",
        "7 1.5\nthe\t5\nof course 0\nother 9\n",
        "7\t1.5\nof course\t0\nthe   5\n",
        "\ufeff5\n0\n1.5\n",
        "\ufeffthe 5\nof course 0\n7 1.5\n",
    ],
)
def test_counts_by_order_or_by_word(text, tmp_path):
    np.testing.assert_array_equal(read(tmp_path, text), [5, 0, 1.5])


def test_counts_of_symbols_without_words(tmp_path):
    found = read(tmp_path, "1e3\n2\n", words=None, N=2)
    np.testing.assert_array_equal(found, [1000, 2])


def test_a_symbol_that_never_occurs_counts_half_of_the_rarest():
    weights = weights_of_counts(np.array([9.0, 0.0, 4.0]), 0.5)
    np.testing.assert_allclose(3 * weights, [3, np.sqrt(2), 2])
    assert (weights_of_counts(np.array([9.0, 0.0]), 0) == 1).all()


@pytest.mark.parametrize(
    "text, message",
    [
        ("1\n2\n", "each of the 3 symbols. Received: .* with 2 lines"),
        ("", "each of the 3 symbols. Received: .* with 0 lines"),
        ("1\n2\n3\n4\n", "Received: .* with 4 lines"),
        ("1\n\n2\n", "'' in line 2"),
        ("1\nmany\n2\n", "'many' in line 2"),
        ("the\nof course\n7\n", "'the' in line 1"),
        ("1\n-2\n3\n", "'-2' in line 2"),
        ("the 1\n7 nan\nof course 1\n", "'7 nan' in line 2"),
        ("1\n1_0\n3\n", "'1_0' in line 2"),
        ("the 1\n7\nof course 1\n", "'7' in line 2 of .*unlike line 1"),
        ("1\nthe 7\n1\n", "'the 7' in line 2 of .*unlike line 1"),
        ("the 1\nthe 2\n7 1\nof course 1\n", "two for 'the'"),
        ("1\n2\ninf\n", "'inf' in line 3"),
        ("0\n0\n0\n", "nothing but 0"),
        ("the 3\n7 1\nother 5\n", "without 'of course'$"),
        ("the 3\n", "without 'of course' and 1 more"),
        (b"\xff\n", "in line 1"),
    ],
)
def test_bad_counts_are_refused_in_one_line(text, message, tmp_path):
    with pytest.raises(BadInputError, match=f"--counts.*{message}") as refused:
        read(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_words_of_white_space_that_is_not_ascii(tmp_path):
    words = ["\xa0", "a\xa0", "\u3000b"]
    text = "".join(f"{word} {i}\n" for i, word in enumerate(words, 1))
    np.testing.assert_array_equal(read(tmp_path, text, words), [1, 2, 3])


def test_counts_of_any_size_have_weights():
    with np.errstate(over="raise", invalid="raise"):
        weights = weights_of_counts(np.array([1e300, 1.0, 1e-300]), 4)
    assert weights[0] == 1 and (weights > 0).all()


def test_words_where_the_vectors_have_none(tmp_path):
    with pytest.raises(BadInputError, match="vectors have no words"):
        read(tmp_path, "the 1\nof 2\n", words=None, N=2)


def test_a_missing_file(tmp_path):
    with pytest.raises(BadInputError, match="--counts .* cannot be read"):
        read_counts(str(tmp_path / "none"), 3)
