"""Tables with constant, equal, huge or too few rows."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from tables import (
    KD,
    SIZE,
    N,
    codebooks,
    make_vectors,
    refused,
    run,
    weights_of,
)

import kd_keras


def odd_tables():
    random = make_vectors()
    return {
        "constant": np.full((N, SIZE), 3.0, "f4"),
        "zero": np.zeros((N, SIZE), "f4"),
        "duplicates": np.repeat(random[:3], 150, axis=0),
        "huge": np.float32(1e30) * random,
        "largest": np.float32(1e36) * np.sign(random),
        "tiny": np.float32(1e-30) * random,
        "one is huge": np.concatenate(
            [random[1:], np.full((1, SIZE), 1e30, "f4")]
        ),
    }


@pytest.mark.parametrize("composition", ["linear", "concat"])
@pytest.mark.parametrize("name", odd_tables())
@pytest.mark.slow
def test_odd_tables_are_compressed(name, composition):
    table = odd_tables()[name].astype("f8")
    np.save("big.npy", table)
    given = (*KD, "--composition", composition, "--output")
    run("compress", "big.npy", *given, "out")
    model = keras.saving.load_model("out/embedding.keras")
    after = np.asarray(model(np.arange(N)[None]))[0].astype("f8")
    assert np.isfinite(after).all()
    scale = np.abs(table).max() or 1.0
    gap = np.square((table - after) / scale).sum(axis=1).mean()
    spread = np.square((table - table.mean(axis=0)) / scale).sum(axis=1)
    if name in ("constant", "zero", "duplicates"):
        assert gap < 1e-9
    else:
        assert gap < 0.5 * spread.mean()
    report = json.loads(Path("out/report.json").read_text())
    assert report["error"]["error"] == pytest.approx(gap * scale**2, rel=1e-3)


def test_values_with_which_float32_overflows_are_refused(capsys):
    np.save("big.npy", np.full((N, SIZE), 3e38))
    given = ("compress", "big.npy", *KD, "--composition")
    for composition in ("linear", "concat", "lstm", "residual"):
        said = refused(capsys, *given, composition)
        assert "to 1e+36" in said and "size 3e+38" in said


@pytest.mark.parametrize(
    "composition", ["linear", "concat", "lstm", "residual"]
)
def test_huge_vectors_get_the_codes_of_their_direction(composition):
    embedding = kd_keras.KDEmbedding(
        50, SIZE, 4, 4, composition=composition, seed=0
    )
    directions = make_vectors(20)
    far = embedding.encode(np.float32(1e12) * directions)
    np.testing.assert_array_equal(
        far, embedding.encode(np.float32(1e30) * directions)
    )
    table = embedding.composition.get_weights()[0]
    # Code embeddings side by side, and code embeddings that are added up.
    parts = {"concat": directions.reshape(20, 4, 1, 2)}
    parts["linear"] = directions[:, None, None]
    if composition in parts:
        best = (parts[composition] * table).sum(axis=-1).argmax(axis=-1)
        np.testing.assert_array_equal(far, best)


def test_fewer_rows_than_k_are_refused_but_can_be_encoded(vectors, capsys):
    codebooks(*KD)
    np.save("few.npy", vectors[:3])
    assert "3 rows" in refused(capsys, "compress", "few.npy", *KD)
    run("compress", "few.npy", "--codebooks", "B", "--output", "few")
    assert weights_of("few")[0].shape == (3, 4)
