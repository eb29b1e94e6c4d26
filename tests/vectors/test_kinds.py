"""Files of other kinds: each is named, with what to do instead."""

import gzip
import io
import pickle
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from kd_keras.vectors.kinds import KINDS
from kd_keras.vectors.read_vectors import read_vectors

GOLDEN = Path(__file__).parents[1] / "golden" / "0.1.0"


def sqlite(tmp_path):
    path = tmp_path / "sqlite"
    base = sqlite3.connect(path)
    base.execute("create table magnitude (key text)")
    base.commit()
    base.close()
    return path.read_bytes()


def hdf5(tmp_path):
    with h5py.File(tmp_path / "h5", "w") as file:
        file["table"] = np.zeros((3, 2))
    return (tmp_path / "h5").read_bytes()


def keras_model(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Embedding(5, 2)])
    model.save(tmp_path / "small.keras")
    return (tmp_path / "small.keras").read_bytes()


def torch_zip(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        file.writestr("archive/data/0", bytes(16))
    return out.getvalue()


def torch_old(tmp_path):
    magic = 0x1950A86A20F9469CFC6C
    return pickle.dumps(magic, 2) + pickle.dumps({"weight": 1}, 2)


def gensim(tmp_path):
    # The class cannot be found when it is pickled, so only its name is.
    return b"\x80\x04\x95\x20\0\0\0\0\0\0\0\x8c\x1cgensim.models.keyedvectors."


def tar(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        info = tarfile.TarInfo("v.txt")
        info.size = 8
        file.addfile(info, io.BytesIO(b"the 1 2\n"))
    return out.getvalue()


def faiss_index(tmp_path):
    faiss = pytest.importorskip("faiss")
    index = faiss.IndexFlatL2(2)
    index.add(np.zeros((3, 2), "f4"))
    return faiss.serialize_index(index).tobytes()


def always(data):
    return lambda tmp_path: data


OTHERS = {
    "v.model": (gensim, "pickled by gensim", "save_word2vec_format"),
    "v.pkl": (
        always(pickle.dumps({"the": [1.0, 2.0]})), "a pickle", "pickle.load",
    ),
    "old.pkl": (
        always(pickle.dumps(["the", 1.0], 0)), "a pickle", "pickle.load",
    ),
    "v.magnitude": (sqlite, "SQLite", "pymagnitude"),
    "v.h5": (hdf5, "HDF5", "h5py"),
    "v.keras": (keras_model, "Keras model", "load_model"),
    "v.pth": (torch_zip, "PyTorch", "torch.load"),
    "old.pth": (torch_old, "PyTorch", "torch.load"),
    "v.tflite": (
        always(b"\x1c\0\0\0TFL3" + bytes(40)), "LiteRT", "load_litert",
    ),
    "v.bin": (
        always(b"\xba\x16\x4f\x2f\x0c\0\0\0" + bytes(40)), "fastText", ".vec",
    ),
    "v.index": (faiss_index, "faiss", "from_faiss"),
    "v.tar": (tar, "tar archive", "unpack"),
    "v.zst": (always(b"\x28\xb5\x2f\xfd" + bytes(9)), "Zstandard", "unpack"),
    "v.7z": (always(b"7z\xbc\xaf\x27\x1c" + bytes(9)), "7z", "unpack"),
    "v.lzma": (always(b"\x5d\0\0\x80\0" + bytes(9)), "LZMA", "unpack"),
    "v.parquet": (always(b"PAR1" + bytes(9)), "Parquet", "pandas"),
    "v.mat": (always(b"MATLAB 5.0 MAT-file" + bytes(9)), "MATLAB", "loadmat"),
    "utf16.txt": (always("the 1 2\n".encode("utf-16")), "UTF-16", "UTF-8"),
    "v.html": (
        always(b"<!DOCTYPE html>\n<html><p>404</html>\n"), "HTML", "download",
    ),
    "lfs.txt": (
        always(b"version https://git-lfs.github.com/spec/v1\noid sha256:a\n"),
        "Git LFS", "git lfs pull",
    ),
    "v.json": (always(b'{"the": [0.1, 0.2]}\n'), "JSON", "json.load"),
    "lines.json": (always(b'[["the", 1.0]]\n'), "JSON", "json.load"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_each_kind_is_named_with_what_to_do(put, tmp_path, name, refusal):
    make, kind, way = OTHERS[name]
    data = make(tmp_path)
    message = refusal(put(name, data))
    assert kind in message.split("Received: ")[1]
    assert way in message.split("Received: ")[0]
    plain = refusal(put("vectors", data))  # whatever its name is
    assert plain.partition(": ")[2] == message.partition(": ")[2]
    if not data.startswith(b"PK"):
        assert kind in refusal(put("v.gz", gzip.compress(data)))


def test_a_model_of_this_package_is_named(put, refusal):
    for name in ("linear.keras", "linear.tflite"):
        path = GOLDEN / name
        assert "Received: a " in refusal(put("any", path.read_bytes()))


@pytest.mark.parametrize(
    "words",
    [
        ["{", "[", "<html", "version"],
        ['{"a', "(lp0", "PAR1", "GGUF", "7z", "RDX2"],
        ["%PDF-", "<?xml", "[1", "BZh9", "PK"],
    ],
)
def test_words_that_begin_as_a_kind_does(put, words):
    text = "".join(f"{word} 0.5 1\n" for word in ["the", *words])
    assert read_vectors(put("v.txt", text)).words == ["the", *words]
    for first in words:
        text = f"{first} 0.5 1\nthe 2 3\n"
        assert read_vectors(put("v.txt", text)).words == [first, "the"]


def test_kinds_have_names_and_ways():
    for kind in KINDS:
        assert kind.name and kind.way and not kind.matches(b"")
