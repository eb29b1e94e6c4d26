"""The ways of learning codes that the benchmarks put side by side.

Each takes `(vectors, K, D, seed)` and returns the rebuilt vectors. Imports of
peers stay inside, so that their cost is not part of anybody's time.
"""

import keras
import numpy as np

import kd_keras

BATCH = 2048


def learn_codes(composition):
    def method(vectors, K, D, seed):
        embedding = kd_keras.learn_codes(
            vectors, K, D, composition=composition, seed=seed, verbose=0
        )
        return rebuild(embedding, len(vectors))

    return method


def algorithm_1(
    estimator="straight_through",
    schedule=None,
    steps=4000,
    learning_rate=0.01,
    callbacks=(),
):
    """The paper's Algorithm 1 from a random start, by plain `fit`.

    Args:
        estimator: That of `KDCodeLearner`.
        schedule: Keyword arguments of `TemperatureSchedule`, or None for a
            constant T = 1.
        steps: Integer, number of training steps of 2,048 vectors.
        learning_rate: Float.
        callbacks: Further callbacks of `fit`.
    """

    def method(vectors, K, D, seed):
        keras.utils.set_random_seed(seed)
        count, dim = vectors.shape
        learner = kd_keras.KDCodeLearner(count, K, D, estimator=estimator)
        model = keras.Sequential(
            [kd_keras.KDEmbedding(count, dim, K, D, codes=learner)]
        )
        model.compile(kd_keras.LazyAdam(learning_rate), "mse")
        temperature = (
            [kd_keras.TemperatureSchedule(**schedule)] if schedule else []
        )
        model.fit(
            np.arange(count),
            vectors,
            batch_size=BATCH,
            epochs=max(1, steps * BATCH // count),
            verbose=0,
            callbacks=[*temperature, *callbacks],
        )
        return rebuild(kd_keras.freeze(model).layers[0], count)

    return method


def rebuild(embedding, count):
    blocks = np.array_split(np.arange(count), -(-count // BATCH))
    return np.concatenate([np.asarray(embedding(ids)) for ids in blocks])


def faiss_quantizer(make):
    """A faiss quantizer; `make(faiss, d, D, bits)` builds it."""

    def method(vectors, K, D, seed):
        import faiss

        bits = K.bit_length() - 1
        if 2**bits != K:
            raise ValueError(f"faiss needs a power of two. Received: K={K}")
        quantizer = make(faiss, vectors.shape[1], D, bits)
        quantizer.train(vectors)
        return quantizer.decode(quantizer.compute_codes(vectors))

    return method


def _residual(beam):
    def make(faiss, d, D, bits):
        quantizer = faiss.ResidualQuantizer(d, D, bits)
        quantizer.max_beam_size = beam
        return quantizer

    return faiss_quantizer(make)


def _local_search(**settings):
    def make(faiss, d, D, bits):
        quantizer = faiss.LocalSearchQuantizer(d, D, bits)
        for name, value in settings.items():
            setattr(quantizer, name, value)
        return quantizer

    return faiss_quantizer(make)


METHODS = {
    "learn_codes linear": learn_codes("linear"),
    "learn_codes residual": learn_codes("residual"),
    "learn_codes lstm": learn_codes("lstm"),
    "learn_codes concat": learn_codes("concat"),
    "algorithm 1, T falls": algorithm_1(
        schedule={
            "initial": 0.5,
            "decay_rate": 8e-4,
            "law": "exponential",
            "minimum": 0.02,
        }
    ),
    "faiss RQ, beam 16": _residual(16),
    "faiss LSQ": _local_search(),
    "faiss LSQ, long": _local_search(train_iters=100, encode_ils_iters=128),
    "faiss PQ": faiss_quantizer(
        lambda faiss, d, D, bits: faiss.ProductQuantizer(d, D, bits)
    ),
}
NEEDS_D_TO_DIVIDE = ("learn_codes concat", "faiss PQ")
