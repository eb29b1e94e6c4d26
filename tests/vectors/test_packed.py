"""Packed files: what is inside is read, or what is wrong is said."""

import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile

import numpy as np
import pytest

from kd_keras.vectors.read_vectors import read_vectors

TEXT = b"the 0.5 1\nof 2 -3\n"
BINARY = b"2 2\n" + b"".join(
    word + b" " + np.float32(row).tobytes()
    for word, row in ((b"the", [0.5, 1]), (b"of", [2, -3]))
)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def zip_of(name):
    return lambda data: zipped({name: data})


PACKINGS = {
    "v.txt.gz": (gzip.compress, "gzip"),
    "v.txt.bz2": (bz2.compress, "bzip2"),
    "v.txt.xz": (lzma.compress, "xz"),
    "v.txt.zip": (zip_of("v.txt"), "zip"),
    "glove.zip": (zip_of("glove.840B.300d.txt"), "zip"),
    "wiki.vec.zip": (zip_of("folder/wiki.vec"), "zip"),
    "v.dat": (zip_of("v"), "zip"),
    "v.any": (bz2.compress, "bzip2"),
}


@pytest.mark.parametrize("name", PACKINGS)
def test_what_is_inside_is_read(put, name):
    pack, said = PACKINGS[name]
    read = read_vectors(put(name, pack(TEXT)))
    assert read.words == ["the", "of"]
    assert read.vectors.tolist() == [[0.5, 1], [2, -3]]
    assert read.format == f"text without header (GloVe), {said}"
    assert read.notes == ()
    for ending in (b"\n", b""):
        headed = pack(b"2 2\n" + TEXT.rstrip(b"\n") + ending)
        assert read_vectors(put(name, headed)).words == ["the", "of"]


@pytest.mark.parametrize("name", ["v.bin.bz2", "v.bin.xz", "v.any", "v.zip"])
def test_binary_inside_is_read(put, name):
    pack = {"bz2": bz2.compress, "xz": lzma.compress}.get(
        name.split(".")[-1], zip_of("GoogleNews.bin")
    )
    read = read_vectors(put(name, pack(BINARY)))
    assert read.format.startswith("word2vec binary")
    assert read.vectors.tolist() == [[0.5, 1], [2, -3]]


def test_what_macos_adds_to_a_zip_is_no_second_file(put):
    members = {
        "glove/": b"", "glove/v.txt": TEXT, "__MACOSX/glove/._v.txt": b"\0",
        "glove/.DS_Store": b"\0",
    }  # fmt: skip
    assert read_vectors(put("v.zip", zipped(members))).words == ["the", "of"]


def test_several_files_are_named(put, refusal):
    names = [f"glove.6B.{d}d.txt" for d in (50, 100, 200, 300)]
    message = refusal(put("glove.6B.zip", zipped(dict.fromkeys(names, TEXT))))
    assert "4 files" in message and all(name in message for name in names)
    many = zipped({f"{i}\n.txt": TEXT for i in range(1_000)})
    message = refusal(put("many.zip", many))
    assert "1000 files" in message and len(message) < 300


@pytest.mark.parametrize("name", PACKINGS)
def test_damage_is_said(put, name, refusal):
    data = bytearray(PACKINGS[name][0](TEXT * 1 + b"x 1 2\n"))
    for cut in range(8, len(data), 7):
        refusal(put(name, bytes(data[:cut])))
    data[len(data) // 2] ^= 0x55
    path = put(name, bytes(data))
    try:
        read_vectors(path)
    except ValueError as error:
        assert "\n" not in str(error)
    else:  # the change was in a field that means nothing, such as a time
        assert read_vectors(path).words == ["the", "of", "x"]


def test_what_must_not_be_inside(put, refusal):
    array = npy(np.ones((2, 2), "f4"))
    for name, data in [
        ("v.npy.bz2", bz2.compress(array)),
        ("v.npy.xz", lzma.compress(array)),
        ("v.bz2", bz2.compress(zipped({"vectors.npy": array}))),
        ("v.gz", gzip.compress(bz2.compress(TEXT))),
        ("v.zip", zipped({"v.txt.gz": gzip.compress(TEXT)})),
    ]:
        assert "unpack any other format first" in refusal(put(name, data))
    assert "0 bytes" in refusal(put("v.bz2", bz2.compress(b"")))
    assert "no arrays" in refusal(put("v.zip", zipped({})))


def test_arrays_in_a_zip_are_arrays(put):
    array = npy(np.ones((2, 2), "f4"))
    path = put("v.zip", zipped({"table.npy": array}))
    assert read_vectors(path).vectors.tolist() == [[1, 1], [1, 1]]


def test_names_promise_packings(put, refusal):
    for suffix in ("gz", "bz2", "xz", "zip"):
        message = refusal(put(f"v.txt.{suffix}", TEXT))
        assert "must match the file name" in message
        assert "Received: text without header" in message
    assert "Received: bzip2" in refusal(put("v.txt", bz2.compress(TEXT)))
    assert "Received: zip" in refusal(put("v.npz", zipped({"v.txt": TEXT})))
    message = refusal(put("v.zip", zipped({"v.bin": TEXT})))
    assert "promises word2vec binary" in message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize(
    "data", [TEXT, BINARY, npy(np.float32([[0.5, 1], [2, -3]])), b""]
)
def test_a_pipe_is_read(tmp_path, data, refusal):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    try:
        if data:
            read = read_vectors(pipe)
            assert np.array(read.vectors).tolist() == [[0.5, 1], [2, -3]]
        else:
            assert "Received: a pipe without content" in refusal(pipe)
    finally:
        writer.join()


def test_a_device_is_no_file(refusal):
    assert "Received: a device" in refusal("/dev/null")
