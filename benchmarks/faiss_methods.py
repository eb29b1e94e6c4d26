"""faiss' quantizers, for comparison with `learn_codes`.

Each takes `(vectors, K, D, seed)` and returns the rebuilt vectors and the
number of floats that decoding needs; `seed` is added to faiss' own. Keras is
not imported, because its memory would be counted.
"""

import faiss

PARTS = 2  # of the product-additive quantizers
LONG = {"train_iters": 100, "encode_ils_iters": 128}


def bits_of(K):
    bits = K.bit_length() - 1
    if 2**bits != K:
        raise ValueError(f"faiss needs a power of two. Received: K={K}")
    return bits


def rebuild(quantizer, vectors):
    quantizer.train(vectors)
    return quantizer.decode(quantizer.compute_codes(vectors))


def pq(vectors, K, D, seed):
    d = vectors.shape[1]
    quantizer = faiss.ProductQuantizer(d, D, bits_of(K))
    quantizer.cp.seed = 1234 + seed
    return rebuild(quantizer, vectors), K * d


def opq(vectors, K, D, seed):
    d = vectors.shape[1]
    rotation = faiss.OPQMatrix(d, D)
    # Its default learns 256 centres, whatever K is. It needs a name here,
    # because faiss does not own it.
    slices = faiss.ProductQuantizer(d, D, bits_of(K))
    rotation.pq = slices
    rotation.train(vectors)
    rebuilt, floats = pq(rotation.apply(vectors), K, D, seed)
    return rotation.reverse_transform(rebuilt), floats + d * d


def rq(beam):
    def method(vectors, K, D, seed):
        d = vectors.shape[1]
        quantizer = faiss.ResidualQuantizer(d, D, bits_of(K))
        quantizer.max_beam_size = beam
        quantizer.cp.seed = 1234 + seed
        return rebuild(quantizer, vectors), K * D * d

    return method


def lsq(**settings):
    def method(vectors, K, D, seed):
        d = vectors.shape[1]
        quantizer = faiss.LocalSearchQuantizer(d, D, bits_of(K))
        for name, value in settings.items():
            setattr(quantizer, name, value)
        quantizer.random_seed += seed
        return rebuild(quantizer, vectors), K * D * d

    return method


def product(kind, **settings):
    """Learns an additive quantizer in each of two halves of the dimensions."""

    def method(vectors, K, D, seed):
        d = vectors.shape[1]
        quantizer = getattr(faiss, kind)(d, PARTS, D // PARTS, bits_of(K))
        for part in range(PARTS):
            half = faiss.downcast_AdditiveQuantizer(
                quantizer.subquantizer(part)
            )
            for name, value in settings.items():
                setattr(half, name, value)
            if kind == "ProductLocalSearchQuantizer":
                half.random_seed += seed
            else:
                half.cp.seed = 1234 + seed
        return rebuild(quantizer, vectors), K * D * d // PARTS

    return method


def k_means(vectors, K, D, seed):
    # The best of ten starts counts.
    means = faiss.Kmeans(vectors.shape[1], K, nredo=10, niter=100, seed=seed)
    means.train(vectors)
    _, labels = means.index.search(vectors, 1)
    return means.centroids[labels[:, 0]], means.centroids.size


FAISS_METHODS = {
    "faiss RQ, beam 1": rq(1),
    "faiss RQ, beam 16": rq(16),
    "faiss LSQ": lsq(),
    "faiss LSQ, long": lsq(**LONG),
    "faiss PRQ, beam 16": product("ProductResidualQuantizer", max_beam_size=16),
    "faiss PLSQ": product("ProductLocalSearchQuantizer"),
    "faiss PLSQ, long": product("ProductLocalSearchQuantizer", **LONG),
    "faiss PQ": pq,
    "faiss OPQ": opq,
    "faiss k-means": k_means,
}
# For `error_against_seconds.py`: training iterations, and perturbations when a
# row is encoded. faiss' defaults are 25 and 16.
LSQ_SETTINGS = {
    f"faiss LSQ, {train} x {encode}": lsq(
        train_iters=train, encode_ils_iters=encode
    )
    for train, encode in (
        (5, 16),
        (25, 16),
        (25, 64),
        (50, 64),
        (100, 128),
    )
}
# Beyond this, LSQ's tables of D * D * K * K products take too long.
LARGEST_LSQ_D = 16


def can_run(method, d, K, D):
    """Says whether a method of `FAISS_METHODS` supports these sizes."""
    if method == "faiss k-means":
        return D == 1
    if D == 1 or K & (K - 1):
        return False
    if method in ("faiss PQ", "faiss OPQ"):
        return d % D == 0
    if method.startswith(("faiss PRQ", "faiss PLSQ")):
        return d % PARTS == 0 and D % PARTS == 0 and D // PARTS > 1
    return "LSQ" not in method or D <= LARGEST_LSQ_D
