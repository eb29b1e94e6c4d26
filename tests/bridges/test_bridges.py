"""Tests of the conversion from and to faiss and nanopq quantisers."""

import sys

import faiss
import nanopq
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kd_keras

N, d = 70, 12
VECTORS = np.random.default_rng(0).normal(size=(N, d)).astype(np.float32)


def vectors_of(embedding):
    return np.asarray(embedding(np.arange(embedding.input_dim)))


def residual(D, bits):
    return faiss.ResidualQuantizer(d, D, bits)


@pytest.mark.parametrize(
    ("make", "composition"),
    [
        (lambda: faiss.ProductQuantizer(d, 4, 3), "ConcatComposition"),
        (lambda: faiss.ProductQuantizer(d, 3, 5), "ConcatComposition"),
        (lambda: residual(3, 5), "LinearComposition"),
        (lambda: faiss.LocalSearchQuantizer(d, 3, 4), "LinearComposition"),
    ],
)
def test_from_faiss_gives_what_it_decodes(make, composition):
    quantizer = make()
    quantizer.train(VECTORS)
    codes = quantizer.compute_codes(VECTORS)
    embedding = kd_keras.from_faiss(quantizer, codes)
    assert type(embedding.composition).__name__ == composition
    np.testing.assert_allclose(
        vectors_of(embedding), quantizer.decode(codes), atol=1e-5
    )


def test_norms_behind_the_codes_are_left_out():
    quantizer = faiss.ResidualQuantizer(
        d, 3, 3, faiss.AdditiveQuantizer.ST_norm_qint8
    )
    quantizer.train(VECTORS)
    codes = quantizer.compute_codes(VECTORS)
    assert codes.shape[1] == 3  # 9 bits of codes and 8 bits of a norm
    embedding = kd_keras.from_faiss(quantizer, codes)
    np.testing.assert_allclose(
        vectors_of(embedding), quantizer.decode(codes), atol=1e-5
    )


@settings(deadline=None, max_examples=25)
@given(
    K=st.integers(2, 40),
    D=st.sampled_from([1, 2, 3, 6]),
    composition=st.sampled_from(["linear", "concat", "narrow"]),
)
def test_to_faiss_and_back(K, D, composition):
    narrow = composition == "narrow"
    embedding = kd_keras.KDEmbedding(
        N,
        d,
        K=K,
        D=D,
        composition="linear" if narrow else composition,
        code_dim=5 if narrow else None,
    )
    embedding.build()
    quantizer, codes = kd_keras.to_faiss(embedding)
    wanted = vectors_of(embedding)
    np.testing.assert_allclose(quantizer.decode(codes), wanted, atol=1e-5)
    back = kd_keras.from_faiss(quantizer, codes)
    np.testing.assert_array_equal(back.codes, embedding.codes)
    np.testing.assert_allclose(vectors_of(back), wanted, atol=1e-5)


@pytest.mark.parametrize("kind", [nanopq.PQ, nanopq.OPQ])
def test_from_nanopq_gives_what_it_decodes(kind):
    quantizer = kind(M=3, Ks=20, verbose=False).fit(VECTORS)
    codes = quantizer.encode(VECTORS)
    embedding = kd_keras.from_nanopq(quantizer, codes)
    np.testing.assert_allclose(
        vectors_of(embedding), quantizer.decode(codes), atol=1e-5
    )
    assert (embedding.K, embedding.D) == (20, 3)


@pytest.mark.parametrize("K", [5, 300])
def test_to_nanopq_decodes_the_vectors(K):
    embedding = kd_keras.KDEmbedding(N, d, K=K, D=3, composition="concat")
    embedding.build()
    quantizer, codes = kd_keras.to_nanopq(embedding)
    np.testing.assert_array_equal(
        quantizer.decode(codes), vectors_of(embedding)
    )
    # It also encodes as a quantiser does that nanopq has fitted.
    again = quantizer.encode(vectors_of(embedding))
    np.testing.assert_allclose(
        quantizer.decode(again), vectors_of(embedding), atol=1e-6
    )


def trained():
    quantizer = residual(2, 3)
    quantizer.train(VECTORS)
    return quantizer


def built(**options):
    embedding = kd_keras.KDEmbedding(N, d, K=4, D=3, **options)
    embedding.build()
    return embedding


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kd_keras.from_faiss("pq", VECTORS), "Received: str"),
        (
            lambda: kd_keras.from_faiss(residual(2, 3), np.zeros((5, 1), "u1")),
            "must be trained",
        ),
        (
            lambda: kd_keras.from_faiss(
                faiss.ResidualQuantizer(d, vector_of_bits([2, 3])),
                np.zeros((5, 1), "u1"),
            ),
            r"nbits=\[2, 3\]",
        ),
        (
            lambda: kd_keras.from_faiss(trained(), VECTORS),
            r"float32 \(70, 12\)",
        ),
        (
            lambda: kd_keras.from_faiss(trained(), np.zeros((5, 2), "u1")),
            r"uint8 \(5, 2\)",
        ),
        (
            lambda: kd_keras.to_faiss(built(composition="lstm")),
            "LSTMComposition",
        ),
        (lambda: kd_keras.to_faiss(kd_keras.KDEmbedding(N, d)), "built"),
        (lambda: kd_keras.from_nanopq(trained(), VECTORS), "ResidualQ"),
        (
            lambda: kd_keras.from_nanopq(
                nanopq.PQ(M=3, verbose=False), np.zeros((5, 3), "u1")
            ),
            "must be fitted",
        ),
        (
            lambda: kd_keras.from_nanopq(
                nanopq.PQ(M=3, Ks=4, verbose=False).fit(VECTORS),
                np.zeros((5, 2), "u1"),
            ),
            r"shape=\(5, 2\)",
        ),
        (lambda: kd_keras.to_nanopq(built()), "Received: linear"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def vector_of_bits(bits):
    vector = faiss.UInt64Vector()
    for value in bits:
        vector.push_back(value)
    return vector


@pytest.mark.parametrize(
    ("module", "package", "write"),
    [
        ("faiss", "faiss-cpu", kd_keras.to_faiss),
        ("nanopq", "nanopq", kd_keras.to_nanopq),
    ],
)
def test_a_library_that_is_missing_is_named(
    module, package, write, monkeypatch
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=f"pip install {package}$"):
        write(built(composition="concat"))
