"""Damages valid files at random and reads them.

Whatever is in a file, `read_vectors` returns a table or raises a
`VectorFileError` of one line that begins with the path; it never hangs, and
it needs no more memory than a multiple of the file's content. The same holds
for the readers in `fuzz_files.py`, with a `BadInputError`. LiteRT itself may
crash on a file whose graph is damaged and whose checksum is right; such
crashes are counted.

`python benchmarks/fuzz_readers.py` writes `results/fuzz_readers.json`, and
tries the readers that are not in it.
"""

import argparse
import bz2
import collections
import gzip
import io
import json
import lzma
import random
import signal
import struct
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import fuzz_files
import numpy as np
from record import RESULTS, write_results

from kd_keras.utils.errors import BadInputError
from kd_keras.vectors.read_vectors import open_vectors
from kd_keras.vectors.table import VectorFileError

# Read buffers, tables of the unpackers and small objects.
ALLOWED = 24 << 20
PER_BYTE = 64  # a Python string for each word, and copies
SLOWEST = 10  # seconds
LOADING = "tflite, load_litert"
MEASURED = 10  # the memory of every tenth file, since measuring takes longest
WORDS = ["the", "of", "New York", "日本", "1990", "\x85"]
ARRAY = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
# What is put into files: numbers and names on which readers decide.
TOKENS = [
    b"0", b"-1", b"1", b"2", b"999999999999", b"1000000000000 1000000000000",
    b"1e400", b"nan", b"-inf", b"\n", b"\r", b"\r\n", b" ", b"\t", b"\0", b",",
    b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80",
    b"<f4", b"|O8", b"<U999999999", b"<f2", b">f8", b"True",
    b"(1000000000000,)",
    b"(999999999, 999999999)", b"(0, 5)", b"'descr'", b"'shape': (", b"L",
    b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04", b"\x93NUMPY\x02\0", b"words",
    b"vectors.npy", b"\x1f\x8b", b"BZh9", b"#", b"6 5\n", b"7 5\n",
]  # fmt: skip


def text(header=True, words=True):
    """The text of the table."""
    rows = [" ".join(f"{x:.9g}" for x in row) for row in ARRAY.tolist()]
    if words:
        rows = [f"{w} {row}" for w, row in zip(WORDS, rows, strict=True)]
    lines = ["6 5"] * header + rows
    return "".join(f"{line}\n" for line in lines).encode()


def binary():
    """The table in word2vec's binary format."""
    words = [word.replace(" ", "_").encode() for word in WORDS]
    rows = zip(words, ARRAY, strict=True)
    return b"6 5\n" + b"".join(
        word + b" " + row.astype("<f4").tobytes() + b"\n" for word, row in rows
    )


def npy():
    """The table as a `.npy` file."""
    file = io.BytesIO()
    np.save(file, ARRAY)
    return file.getvalue()


def npz(save=np.savez):
    """The table as a `.npz` file."""
    file = io.BytesIO()
    save(file, vectors=ARRAY, words=np.array(WORDS))
    return file.getvalue()


def safetensors():
    """The table in a `.safetensors` file."""
    tensor = {"dtype": "F32", "shape": ARRAY.shape}
    tensor["data_offsets"] = [0, ARRAY.nbytes]
    header = json.dumps({"table": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + ARRAY.tobytes()


def zipped():
    """The text in a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v.txt", text())
    return file.getvalue()


# A reader: the name of its files, a valid content, options, and what unpacks
# a content so that it can be damaged inside as well.
READERS = {
    "text": ("v.txt", text(header=False), {}, None),
    "text with a header": ("v.vec", text(), {}, None),
    "text of numbers": ("v.tsv", text(False, False), {"words": False}, None),
    "word2vec binary": ("v.bin", binary(), {}, None),
    "npy": ("v.npy", npy(), {}, None),
    "npz": ("v.npz", npz(), {}, None),
    "npz, compressed": ("v.npz", npz(np.savez_compressed), {}, None),
    "gzip": ("v.txt.gz", gzip.compress(text(), mtime=0), {}, gzip),
    "gzip of binary": ("v.bin.gz", gzip.compress(binary(), mtime=0), {}, gzip),
    "bzip2": ("v.txt.bz2", bz2.compress(text()), {}, bz2),
    "xz": ("v.txt.xz", lzma.compress(text()), {}, lzma),
    "zip": ("v.zip", zipped(), {}, None),
    "safetensors": ("v.safetensors", safetensors(), {}, None),
    "any name": ("v.dat", binary(), {}, None),
}


def mutated(data, rng):
    """Changes a valid content in one to four places."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        if rng.random() < 0.4:  # headers decide more than numbers
            at = rng.randrange(min(len(data), 160) + 1)
        way = rng.randrange(7)
        if way == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif way == 1:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif way == 2:
            del data[at:]
        elif way == 3:
            del data[at : at + rng.randrange(1, 40)]
        elif way == 4:
            token = rng.choice(TOKENS)
            data[at : at + rng.choice((0, len(token)))] = token
        elif way == 5:
            data[at:at] = data[at : at + rng.randrange(1, 80)]
        else:
            width, form = rng.choice(((2, "<H"), (4, "<I"), (8, "<Q")))
            number = rng.choice((0, 1, 255, 65535, 2**31, 2 ** (8 * width) - 1))
            packed = struct.pack(form, number % 2 ** (8 * width))
            data[at : at + width] = packed
    return bytes(data)


def mutations(reader, count, seed):
    """Yields damaged contents for a reader, the same for one seed."""
    _, data, _, packer = READERS[reader]
    rng = random.Random(f"{reader} {seed}")
    inside = None if packer is None else packer.decompress(data)
    for i in range(count):
        if packer is None or i % 2:
            yield mutated(data, rng)
        else:  # valid outside, damaged inside
            yield packer.compress(mutated(inside, rng))


def read(path, options):
    """Reads a file; returns "read" or "refused".

    Raises:
        AssertionError: If the outcome is not one of these two as it should be.
    """
    try:
        table = open_vectors(path, **options)
        N, d = table.vectors.shape
        values = table.vectors[slice(0, N)]
        assert values.shape == (N, d) and values.dtype == np.float32
        assert np.isfinite(values).all()
        assert table.words is None or len(set(table.words)) == N
        return "read"
    except VectorFileError as error:
        message = str(error)
        assert message.startswith(f"{path}: "), message
        assert len(message.splitlines()) == 1, message
        assert "Received: " in message, message
        assert len(message) < 1_000, message
        return "refused"


def fuzz(reader, count, seed, folder, slowest=None, measured=1):
    """Reads damaged files of a reader.

    Args:
        reader: str. A key of `READERS`.
        count: int. Number of damaged files.
        seed: int.
        folder: path. Where the file is written.
        slowest: int or None. The most seconds that a file may take.
        measured: int. One in so many files is read while its memory is
            measured.

    Returns:
        Dictionary of the outcomes and the highest peak of memory in bytes.

    Raises:
        AssertionError: If a file is not answered as it should be. It is left
            in the folder.
    """
    name, _, options, _ = READERS[reader]
    path = Path(folder, name)
    outcomes = collections.Counter()
    highest = 0
    for i, content in enumerate(mutations(reader, count, seed)):
        path.write_bytes(content)
        if slowest:
            signal.alarm(slowest)
        try:
            # In runs of seven, so that both ways to make a packed file occur.
            if i // 7 % measured == 0:
                tracemalloc.start()
            outcomes[read(path, options)] += 1
            used = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        if slowest:
            signal.alarm(0)
        assert used <= ALLOWED + PER_BYTE * len(content), used
        highest = max(highest, used)
    return {**dict(sorted(outcomes.items())), "peak_bytes": highest}


def read_file(path, reader):
    """Reads a file by a reader of `fuzz_files`; as `read`."""
    try:
        reader(path)
        return "read"
    except BadInputError as error:
        message = str(error)
        assert message and len(message.splitlines()) == 1, message
        assert len(message) < 1_000, message
        return "refused"


def fuzz_file(name, count, seed, folder, slowest=None, measured=1):
    """Reads damaged files of a reader of `fuzz_files`; as `fuzz`.

    Args:
        name: str. A key of `fuzz_files.FILES`.
        folder: path, in which `fuzz_files.make_files` has written.
    """
    file, reader = fuzz_files.FILES[name]
    path = Path(folder, file)
    valid = path.read_bytes()
    assert read_file(path, reader) == "read"
    outcomes, highest = collections.Counter(), 0
    for i in range(count):
        rng = random.Random(f"{name} {seed} {i}")
        content = fuzz_files.mutate(file, valid, rng, mutated)
        path.write_bytes(content)
        signal.alarm(slowest or 0)
        try:
            if i % measured == 0:
                tracemalloc.start()
            outcomes[read_file(path, reader)] += 1
            used = tracemalloc.get_traced_memory()[1]
        except BaseException:
            print(f"{name}: mutation {i} of seed {seed} in {path}")
            raise
        finally:
            tracemalloc.stop()
            signal.alarm(0)
        assert used <= ALLOWED + PER_BYTE * len(content), used
        highest = max(highest, used)
    path.write_bytes(valid)
    return {**dict(sorted(outcomes.items())), "peak_bytes": highest}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="readers to try")
    given = parser.parse_args()
    warnings.simplefilter("error")
    # Keras 3.15: its variables' __array__ has no copy argument, numpy 2 asks.
    warnings.filterwarnings("ignore", "__array__ implementation doesn't accept")
    rows = given_rows(given.mutations)
    done = {row["reader"] for row in rows}
    options = (given.mutations, given.seed)
    folder = tempfile.TemporaryDirectory()
    fuzz_files.make_files(Path(folder.name))
    for reader in (*READERS, *fuzz_files.FILES, LOADING):
        if reader in done or (given.only and reader not in given.only):
            continue
        began = time.perf_counter()
        if reader == LOADING:
            found = fuzz_files.crashes(*options)
        else:
            work = fuzz if reader in READERS else fuzz_file
            found = work(reader, *options, folder.name, SLOWEST, MEASURED)
        seconds = round(time.perf_counter() - began, 1)
        rows.append({"reader": reader, **found, "seconds": seconds})
        print(rows[-1], flush=True)
        write(rows, given)
    folder.cleanup()


def given_rows(mutations):
    """Returns the rows of an earlier run with as many mutations."""
    path = RESULTS / "fuzz_readers.json"
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    return found["readers"] if found["mutations"] == mutations else []


def write(rows, given):
    results = {
        "mutations": given.mutations,
        "memory_measured_of_one_in": MEASURED,
        "readers": rows,
    }
    write_results("fuzz_readers", results, given.seed)


if __name__ == "__main__":
    main()
