"""Damaged files of every reader; `benchmarks/fuzz_readers.py` tries more."""

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
READERS = [
    "text", "text with a header", "text of numbers", "word2vec binary", "npy",
    "npz", "npz, compressed", "gzip", "gzip of binary", "bzip2", "xz", "zip",
    "safetensors", "any name",
]  # fmt: skip


@pytest.fixture
def fuzz_readers(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import fuzz_readers

    return fuzz_readers


def test_every_reader_is_tried(fuzz_readers):
    assert list(fuzz_readers.READERS) == READERS


@pytest.mark.parametrize("reader", READERS)
def test_damaged_files(fuzz_readers, reader, tmp_path):
    found = fuzz_readers.fuzz(reader, 250, 1, tmp_path)
    assert found["refused"] + found.get("read", 0) == 250
    assert found["refused"] > 0


def npy_header(shape, descr="<f4", version=1):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n"
    form = "<H" if version == 1 else "<I"
    start = b"\x93NUMPY" + bytes([version, 0])
    return start + struct.pack(form, len(text)) + text.encode()


def in_zip(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


HUGE = [
    "(1000000000000, 300)",
    "(3, 1000000000000000)",
    "(999999999999999999, 999999999999999999)",
]
VECTORS = npy_header("(2, 1)") + bytes(8)


@pytest.mark.parametrize(
    "name, content",
    [
        *(("v.npy", npy_header(shape) + bytes(100)) for shape in HUGE),
        *(("v.npz", in_zip(vectors=npy_header(shape))) for shape in HUGE),
        (
            "v.npz",
            in_zip(vectors=VECTORS, words=npy_header("(2,)", "<U999999999")),
        ),
        (
            "v.npz",
            in_zip(vectors=VECTORS, words=npy_header("(999999999999,)", "<U0")),
        ),
        ("v.npz", in_zip(vectors=npy_header("(999999999999, 0)"))),
        ("v.npy", npy_header("(999999999999, 0)")),
        ("v.txt", b"999999999999 300\nthe 1 2\n"),
        ("v.txt", b"1 999999999999\nthe 1 2\n"),
        ("v.bin", b"999999999999 300\nthe " + bytes(90)),
        ("v.bin", b"1 999999999999\nthe " + bytes(90)),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_header_promises_is_not_allocated(
    put, name, content, packed, refusal
):
    if packed:
        import gzip

        name, content = f"{name}.gz", gzip.compress(content)
    path = put(name, content)
    tracemalloc.start()
    refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_a_zip_that_lies_about_its_size(put, refusal):
    data = bytearray(in_zip(vectors=npy_header("(1000000, 300)") + bytes(99)))
    at = data.index(b"PK\x01\x02")
    for place in (at + 24, 22):  # the size of the content, in both headers
        data[place : place + 4] = struct.pack("<I", 1_200_000_200)
    message = refusal(put("v.npz", bytes(data)))
    assert "truncated" in message


@pytest.mark.parametrize("descr", ["<f4", "f4", "=f4", ">f8", "<f2"])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_headers_that_other_programs_write(put, descr, version):
    from kd_keras.vectors.read_vectors import read_vectors

    wanted = np.array([[1, 2, 3], [4, 5, 6]], descr)
    headers = [
        f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 3), }}\n",
        f'{{"shape": (2L, 3L), "fortran_order": False, "descr": "{descr}"}}',
    ]
    form = "<H" if version == 1 else "<I"
    for text in headers:
        data = b"\x93NUMPY" + bytes([version, 0])
        data += struct.pack(form, len(text)) + text.encode() + wanted.tobytes()
        for path in (put("v.npy", data), put("v.npz", in_zip(vectors=data))):
            assert read_vectors(path).vectors.tolist() == wanted.tolist()
