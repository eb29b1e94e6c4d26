"""Code embeddings in int8: what rounding costs."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kd_keras
from kd_keras.codes.int8_scales import LEAST_WITH_ROW_SCALES
from kd_keras.export.litert.rounded_rows import MOST, round_rows


def values_of(rounded, D):
    """What a file computes from rounded code embeddings, `(D * K, d')`."""
    numbers, positions, rows = rounded
    values = numbers.astype(np.float32).reshape(D, -1, numbers.shape[1])
    values *= positions[:, None, None]
    if rows is not None:
        values *= rows.reshape(D, -1, 1)
    return values


@given(
    st.integers(1, 4),
    st.integers(2, 9),
    st.sampled_from([1, LEAST_WITH_ROW_SCALES - 1, LEAST_WITH_ROW_SCALES, 40]),
    st.integers(0, 2**32 - 1),
    st.floats(-20, 20),
    st.booleans(),
)
def test_no_number_moves_by_more_than_half_a_step(
    D, K, code_dim, seed, power, zeros
):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(D, K, code_dim)) * rng.exponential(size=(D, K, 1))
    table = (table * 10.0**power).astype(np.float32)
    if zeros:
        table[0] = 0
        table[-1, 0] = 0
    rounded = round_rows(table)
    assert rounded.numbers.dtype == np.int8
    assert np.abs(rounded.numbers.astype(int)).max() <= MOST
    steps = np.abs(table).max(axis=(1, 2), keepdims=True) / MOST
    if rounded.row_scales is not None:
        # A step is that of the code embedding, rounded up to one of 255.
        own = np.abs(table).max(axis=2, keepdims=True) / MOST
        steps = np.minimum(steps, own + steps / 255)
    moved = np.abs(values_of(rounded, D) - table)
    assert (moved <= steps * 0.5001).all()


@pytest.mark.parametrize("code_dim", [8, LEAST_WITH_ROW_SCALES])
@pytest.mark.parametrize("size", [0, 1e-45, 1e-34, 1e38])
def test_numbers_near_the_ends_of_float32(size, code_dim):
    table = np.full((2, 3, code_dim), size, np.float32)
    table[0, 0] = 0
    rounded = round_rows(table)
    # LiteRT takes smaller numbers for 0.
    assert (rounded.position_scales >= np.finfo(np.float32).tiny).all()
    values = values_of(rounded, 2)
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values, table, rtol=0.01, atol=1e-38)


def test_a_long_code_embedding_does_not_make_others_coarse(tmp_path):
    rng = np.random.default_rng(0)
    N, d, K, D = 300, 48, 16, 6
    table = rng.normal(size=(D, K, d)).astype(np.float32)
    table[:, 0] *= 20
    codes = rng.integers(1, K, (N, D))
    codes[0] = 0  # one symbol in 300
    embedding = kd_keras.KDEmbedding(N, d, K, D, codes=codes)
    embedding.build()
    embedding.composition.code_embeddings.assign(table)
    path = tmp_path / "codes.tflite"
    report = kd_keras.export_litert(embedding, path, quantization="int8")
    vectors = np.asarray(embedding(np.arange(1, N)))
    found = kd_keras.load_litert(path).embed(np.arange(1, N))
    error = np.linalg.norm(found - vectors) / np.linalg.norm(vectors)
    # With one scale for a position it would be 0.13.
    assert error < 0.02
    assert report.parts["code embeddings"] == D * K * d + D * K + 4 * D
    assert report.total - report.parts["overhead"] == report.predicted


def test_logits_by_look_up_have_the_same_scales(tmp_path):
    rng = np.random.default_rng(0)
    N, d, K, D = 90, 40, 8, 4
    codes = rng.integers(1, K, (N, D))
    codes[0] = 0
    inputs = keras.Input((d,), name="hidden")
    layer = kd_keras.KDLogits(N, K, D, codes=codes, use_bias=False)
    model = keras.Model(inputs, layer(inputs))
    table = rng.normal(size=(D, K, d)).astype(np.float32)
    table[:, 0] *= 20
    layer.composition.code_embeddings.assign(table)
    path = tmp_path / "logits.tflite"
    kd_keras.export_litert(model, path, quantization="int8", batch_size=1)
    hidden = rng.normal(size=(1, d)).astype(np.float32)
    file = kd_keras.load_litert(path)
    [found] = file.run("serving_default", hidden=hidden).values()
    wanted = np.asarray(model(hidden))
    error = np.linalg.norm((found - wanted)[:, 1:])
    assert error / np.linalg.norm(wanted[:, 1:]) < 0.02
    parts = kd_keras.size_report(path).parts
    assert parts["code embeddings"] == D * K * d + D * K + 4 * D
