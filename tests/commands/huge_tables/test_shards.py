"""Tables in shards: merging, interrupting and resuming."""

import dataclasses
import itertools
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from tables import (
    BLOCK,
    KD,
    SIZE,
    N,
    assert_same,
    codebooks,
    refused,
    run,
    shards,
    weights_of,
)

import kd_keras
from kd_keras.folders.codebooks_folder import Codebooks
from kd_keras.folders.shard_folder import Shard, check_shards
from kd_keras.utils.errors import BadInputError
from kd_keras.vectors import stored_table


def train_little(monkeypatch):
    """Limits training to a few steps, which is enough here."""
    from kd_keras.learning import learn_composition

    monkeypatch.setattr(learn_composition, "TURNS", 1)
    monkeypatch.setattr(learn_composition, "LEAST_STEPS", 5)


GIVEN = {
    "linear": KD,
    "H": (*KD, "--code-dim", "5", "--seed", "3"),
    "concat": (*KD, "--composition", "concat"),
    "lstm": (*KD, "--composition", "lstm"),
    "residual": (*KD, "--composition", "residual", "--code-dim", "5"),
}


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.slow("first")
def test_merged_shards_are_what_one_run_writes(name, vectors, monkeypatch):
    train_little(monkeypatch)
    run("compress", "big.npy", *GIVEN[name], "--output", "one")
    codebooks(*GIVEN[name])
    three = shards(3)
    run("merge", *reversed(three), "--output", "merged")
    assert_same("one", "merged")
    report = json.loads(Path("merged/report.json").read_text())
    learned = 300 if name in ("lstm", "residual") else 200
    assert report["shards"] == 3 and report["learned_rows"] == learned
    page = Path("merged/report.html").read_text()
    assert "learned from" in page and f"{learned} symbols" in page
    assert not list(Path().glob("*.partial"))


@pytest.mark.parametrize("composition", ["linear", "concat"])
def test_one_run_writes_what_learn_codes_gives(composition, vectors):
    given = {"K": 4, "D": 4, "composition": composition}
    embedding = kd_keras.learn_codes(vectors, **given, verbose=0)
    run("compress", "big.npy", *KD, "--composition", composition)
    model = keras.saving.load_model(f"big-K4-D4-{composition}/embedding.keras")
    np.testing.assert_array_equal(model.layers[0].codes, embedding.codes)
    np.testing.assert_array_equal(
        np.asarray(model(np.arange(N)[None]))[0],
        np.asarray(embedding(np.arange(N))),
    )


def test_shards_in_python_are_what_learn_codes_gives(vectors):
    learned = kd_keras.learn_codebooks(vectors, 4, 4, verbose=0)
    assert learned.input_dim == 200
    codes = np.concatenate(
        [
            learned.encode(vectors[kd_keras.shard_rows(N, i, 4)])
            for i in range(1, 5)
        ]
    )
    whole = kd_keras.learn_codes(vectors, 4, 4, verbose=0)
    np.testing.assert_array_equal(codes, whole.codes)


def test_a_small_table_in_shards_is_one_run_too(vectors):
    np.save("big.npy", vectors[:180])
    run("compress", "big.npy", *KD, "--output", "one")
    codebooks(*KD)
    run("merge", *shards(2), "--output", "merged")
    assert_same("one", "merged")


def test_shards_remember_the_words(vectors, capsys):
    words = [f"word {i}" for i in range(N)]
    words[7] = words[3]  # is left out
    Path("words.txt").write_text("".join(f"{word}\n" for word in words))
    given = ("--words", "words.txt", "--duplicates", "first")
    run("compress", "big.npy", *KD, *given, "--output", "one")
    codebooks(*KD, *given)
    folders = shards(2, given=given)
    run("merge", *folders, "--output", "merged")
    assert_same("one", "merged")
    del words[7]
    assert Path("merged/vocabulary.txt").read_text().split("\n")[:-1] == words
    os.rename("words.txt", "moved.txt")
    assert "words.txt: The file of words" in refused(
        capsys, "merge", *folders, "--output", "again"
    )
    moved = ("--words", "moved.txt", "--output", "again")
    run("merge", *folders, *moved)
    assert_same("one", "again")


def test_codebooks_of_one_table_encode_another(vectors):
    codebooks(*KD)
    np.savez("more.npz", vectors=vectors[:7] + 0.1, words=list("abcdefg"))
    run("compress", "more.npz", "--codebooks", "B", "--output", "more")
    embedding = keras.saving.load_model("B/embedding.keras").layers[0]
    np.testing.assert_array_equal(
        weights_of("more")[0], embedding.encode(vectors[:7] + np.float32(0.1))
    )
    assert Path("more/vocabulary.txt").read_text() == "a\nb\nc\nd\ne\nf\ng\n"


def test_shard_rows_are_whole_blocks_and_cover_the_table():
    for n in range(1, 6):
        rows = [kd_keras.shard_rows(N, i, n) for i in range(1, n + 1)]
        assert rows[0].start == 0 and rows[-1].stop == N
        for one, following in itertools.pairwise(rows):
            assert one.stop == following.start and one.stop % BLOCK == 0
        sizes = [-(-(r.stop - r.start) // BLOCK) for r in rows]
        assert max(sizes) - min(sizes) <= 1 and min(sizes) > 0


@pytest.mark.parametrize(
    ("i", "n", "message"),
    [
        (0, 3, "from 1 to 3. Received: i=0"),
        (4, 3, "from 1 to 3. Received: i=4"),
        (1, 6, "from 1 to 5, .* 450 rows. Received: n=6"),
        (1, 0, "Received: n=0"),
        (1.5, 2, "Received: i=1.5"),
    ],
)
def test_shard_rows_refuses(i, n, message):
    with pytest.raises(ValueError, match=message):
        kd_keras.shard_rows(N, i, n)


BAD_SHARDS = {
    "0/3": "1/n",
    "4/3": "4/3",
    "1": "i/n",
    "1/x": "1/x",
    "-1/3": "-1/3",
    "1/2/3": "1/2/3",
    "1/9": "from 1 to 5",
}


@pytest.mark.parametrize("shard", BAD_SHARDS)
@pytest.mark.slow
def test_shards_that_there_cannot_be(shard, vectors, capsys):
    codebooks(*KD)
    given = ("compress", "big.npy", "--codebooks", "B", f"--shard={shard}")
    assert BAD_SHARDS[shard] in refused(capsys, *given)


def test_options_that_do_not_go_together(vectors, capsys):
    codebooks(*KD)
    begin = ("compress", "big.npy")
    for given, said in {
        ("--shard", "1/2"): "--codebooks",
        ("--codebooks-only", "--shard", "1/2"): "--shard",
        ("--codebooks-only", "--codebooks", "B"): "--codebooks",
        ("--codebooks-only", "--litert"): "--litert",
        ("--codebooks", "B", "--shard", "1/2", "--litert"): "--litert",
        ("--codebooks", "B", "--K", "16"): "K=4. Received: K=16",
        ("--codebooks", "B", "--seed", "1"): "seed=0. Received: seed=1",
        ("--codebooks", "B", "--effort", "2"): "effort=1.0. Received: effort=2",
        ("--codebooks", "none"): "does not exist",
        ("--codebooks", "."): "without a codebooks.json",
        ("--codebooks", "big.npy"): "a file",
    }.items():
        assert said in refused(capsys, *begin, *given)
    np.save("wide.npy", np.ones((300, 9), "f4"))
    said = refused(capsys, "compress", "wide.npy", "--codebooks", "B")
    assert "of size 8. Received: 9" in said


def test_shards_that_do_not_belong_together(vectors, capsys):
    codebooks(*KD)
    three = shards(3)
    merge = ("merge", "--output", "merged")

    assert "without shard 2/3" in refused(capsys, *merge, "S1", "S3")
    assert "without shard 1/3 and 1 more" in refused(capsys, *merge, "S3")
    shutil.copytree("S2", "again")
    said = refused(capsys, *merge, *three, "again")
    assert "shard 2/3 in S2 and in again" in said

    np.save("other.npy", vectors[:320])
    shards(3, 2, vectors="other.npy", prefix="T")
    said = refused(capsys, *merge, "S1", "T2", "S3")
    assert "T2, from a table of 320 symbols" in said
    np.save("moved.npy", vectors + 1)
    shards(3, 2, vectors="moved.npy", prefix="M")
    assert "M2, from another table" in refused(capsys, *merge, "S1", "M2", "S3")
    shards(4, 2, prefix="F")
    assert "F2, one of 4 shards" in refused(capsys, *merge, "S1", "F2", "S3")

    shutil.rmtree("B")
    codebooks(*KD, "--seed", "1")
    shards(3, 2, prefix="C")
    said = refused(capsys, *merge, "C2", "S1", "S3")
    assert "C2, with other codebooks" in said

    given = ("merge", *three, "--output", "S2", "--force")
    assert "--output must not be" in refused(capsys, *given)
    assert "does not exist" in refused(capsys, *merge, "S1", "none")
    assert "without a shard.json" in refused(capsys, *merge, "S1", "B")
    run(*merge, *three)  # the refusals have lost nothing


def test_a_damaged_shard_or_a_table_that_is_gone(vectors, capsys):
    codebooks(*KD)
    merge = ("merge", *shards(2), "--output", "merged")
    Path("big.npy").rename("away.npy")
    assert "no file big.npy" in refused(capsys, *merge)
    np.save("big.npy", vectors[::-1])
    assert "a different table of 450 x 8" in refused(capsys, *merge)
    run(*merge, "--vectors", "away.npy")
    whole = Path("S2/codes.npz").read_bytes()
    Path("S2/codes.npz").write_bytes(whole[:-50])
    again = ("merge", "S1", "S2", "--output", "again", "--vectors", "away.npy")
    assert "S2/codes.npz" in refused(capsys, *again)
    Path("S2/shard.json").write_text("{")
    assert "shard.json is damaged" in refused(capsys, *again)


def make_shard(folder, i, n=3, **given):
    books = Codebooks(4, 4, "linear", None, 0, 1.0, {}, 200, "b", 1.0)
    table = {"N": N, "d": SIZE, "sampled_sha256": "t"}
    shard = Shard(folder, i, n, (0, 1), BLOCK, table, books, "v", "", "B", 1.0)
    return dataclasses.replace(shard, **given)


def test_any_order_of_shards_is_right_and_the_odd_one_is_named():
    three = [make_shard(f"S{i}", i) for i in (1, 2, 3)]
    assert check_shards([three[2], three[0], three[1]]) == three
    odd = make_shard("odd", 1, kd_keras="9")
    with pytest.raises(BadInputError, match="odd, encoded by kd_keras 9"):
        check_shards([odd, *three[1:]])
    with pytest.raises(BadInputError, match="odd, encoded 7 rows at a time"):
        check_shards([*three[1:], make_shard("odd", 1, block=7)])


def test_a_table_far_larger_than_memory_is_encoded_in_shards(
    vectors, monkeypatch
):
    monkeypatch.setattr(stored_table, "LOOKED_AT", 16)
    codebooks(*KD)
    N = 2_000_000_000
    with open("sparse.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (N, SIZE)}
        np.lib.format.write_array_header_1_0(file, header)
        begin = file.tell()
        file.truncate(begin + 4 * SIZE * N)  # 64 GB of holes
        file.seek(begin + 4 * SIZE * 999 * BLOCK)
        file.write(vectors[:BLOCK].tobytes())
    run(
        *("compress", "sparse.npy", "--codebooks", "B"),
        *("--shard", f"1000/{N // BLOCK}", "--output", "S"),
    )
    with np.load("S/codes.npz") as arrays:
        codes = kd_keras.unpack_codes(arrays["codes"], 4, 4)
    embedding = keras.saving.load_model("B/embedding.keras").layers[0]
    np.testing.assert_array_equal(codes, embedding.encode(vectors[:BLOCK]))
    os.remove("sparse.npy")


def test_a_shard_looks_only_at_its_rows(vectors, capsys):
    codebooks(*KD)
    vectors[420, 1] = np.nan
    np.save("big.npy", vectors)
    shards(2, 1)
    given = ("compress", "big.npy", "--codebooks", "B", "--shard", "2/2")
    assert "nan in row 420, dimension 1" in refused(capsys, *given)


@pytest.mark.parametrize("n", [10**12, 2**63, 10**30])
def test_a_shard_of_very_many_is_told_at_once(n):
    shards = [make_shard("S2", 2, n), make_shard("S1", 1, n)]
    with pytest.raises(BadInputError, match=f"without shard 3/{n}"):
        check_shards(shards)
