"""Tests of the Penn Treebank: its files, ids, batches and tfds builder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_keras.datasets.ptb import ptb_files
from kd_keras.datasets.ptb.batches import cut_batches
from kd_keras.datasets.ptb.corpus import corpus_of_lines, read_corpus
from kd_keras.datasets.ptb.ptb_files import FILES, TextFile
from kd_keras.utils.errors import BadInputError

TEXTS = {
    "train": " the cat sat \n the <unk> sat on N \n\n",
    "valid": " the cat \n",
    "test": " sat on the cat\n",
}


@pytest.fixture
def folder(tmp_path):
    for split, text in TEXTS.items():
        (tmp_path / FILES[split].name).write_text(text)
    return tmp_path


def right_files(monkeypatch, folder):
    """Makes the small texts the expected files."""
    import hashlib

    for split, text in TEXTS.items():
        data = text.encode()
        digest = hashlib.sha256(data).hexdigest()
        file = TextFile(FILES[split].name, len(data), digest)
        monkeypatch.setitem(ptb_files.FILES, split, file)


def test_vocabulary_falls_in_frequency_with_ties_alphabetical(folder):
    corpus = read_corpus(folder, any_text=True)
    assert corpus.vocabulary == [
        "<eos>", "sat", "the", "<unk>", "N", "cat", "on",
    ]  # fmt: skip
    words = [corpus.vocabulary[i] for i in corpus.train]
    assert " ".join(words) == (
        "the cat sat <eos> the <unk> sat on N <eos> <eos>"
    )
    assert corpus.train.dtype == np.int32
    assert corpus.valid.tolist() == [2, 5, 0]


def test_data_sets_of_tfds_hold_the_same_text(folder, monkeypatch, tmp_path):
    pytest.importorskip("tensorflow_datasets")
    from kd_keras.datasets.ptb.penn_treebank import (
        PennTreebank,
        read_corpus_by_tfds,
    )

    right_files(monkeypatch, folder)
    prepared = tmp_path / "prepared"
    corpus = read_corpus_by_tfds(folder, prepared)
    for ours, theirs in zip(read_corpus(folder), corpus, strict=True):
        assert np.array_equal(ours, theirs)
    builder = PennTreebank(text_dir=folder, data_dir=prepared)
    splits = {name: s.num_examples for name, s in builder.info.splits.items()}
    assert splits == {"train": 3, "validation": 1, "test": 1}


@given(st.integers(0, 200), st.integers(1, 6), st.integers(1, 9))
def test_batches_carry_on(count, batch_size, steps):
    tokens = np.arange(count)
    length = count // batch_size
    if length < steps + 1:
        with pytest.raises(BadInputError, match="at least"):
            cut_batches(tokens, batch_size, steps)
        return
    inputs, targets = cut_batches(tokens, batch_size, steps)
    assert inputs.shape == targets.shape
    # The tutorial has the same number of batches.
    assert len(inputs) == batch_size * ((length - 1) // steps)
    assert np.array_equal(targets, inputs + 1)
    batches = inputs.reshape(-1, batch_size, steps)
    assert np.array_equal(batches[0, :, 0], np.arange(batch_size) * length)
    assert np.array_equal(batches[1:, :, 0], batches[:-1, :, -1] + 1)


def test_right_files_pass(folder, monkeypatch):
    right_files(monkeypatch, folder)
    paths = ptb_files.ptb_files(folder)
    assert list(paths) == ["train", "valid", "test"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_text("the\n"), "truncated.*Received: 4"),
        (lambda path: path.write_text("x" * 99), "is too long"),
        (
            lambda path: path.write_text(
                path.read_text().replace("cat", "dog")
            ),
            "altered.*sha256",
        ),
    ],
)
def test_wrong_files_are_told(folder, monkeypatch, change, said):
    right_files(monkeypatch, folder)
    change(folder / "ptb.valid.txt")
    with pytest.raises(BadInputError, match=said):
        ptb_files.ptb_files(folder)


@pytest.mark.parametrize("name", ["nothing", "ptb.test.txt"])
def test_a_folder_must_be_one(folder, name):
    with pytest.raises(BadInputError, match="--data-dir must be a folder"):
        ptb_files.ptb_files(folder / name)


def test_any_text_must_be_a_text(folder):
    (folder / "ptb.test.txt").write_bytes(b"\xff\xfe the")
    with pytest.raises(BadInputError, match="byte 0 is not UTF-8"):
        read_corpus(folder, any_text=True)
    (folder / "ptb.test.txt").write_bytes(b"")
    with pytest.raises(BadInputError, match="is empty"):
        read_corpus(folder, any_text=True)


def test_words_must_occur_in_training():
    lines = {"train": ["a"], "valid": ["a"], "test": ["b"]}
    with pytest.raises(BadInputError, match="Received: 'b' in the test text"):
        corpus_of_lines(lines)


def test_downloads_are_checked(monkeypatch, tmp_path):
    import keras

    def get_file(name, url, cache_subdir, file_hash):
        assert url.startswith("https://") and url.endswith(name)
        assert len(file_hash) == 64
        raise Exception("URL fetch failure on ...: no route")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(BadInputError, match="no route.*--data-dir FOLDER"):
        ptb_files.ptb_files(None)
    path = tmp_path / "text"
    monkeypatch.setattr(keras.utils, "get_file", lambda *a, **k: str(path))
    assert ptb_files.ptb_files(None) == dict.fromkeys(FILES, path)
