"""Our ways of learning codes, for comparison with other libraries.

Each takes `(vectors, K, D, seed)` and returns the rebuilt vectors and the
number of floats that decoding needs.
"""

import keras
import numpy as np

import kd_keras

BATCH = 2048


def learn_codes(composition, **settings):
    def method(vectors, K, D, seed):
        embedding = kd_keras.learn_codes(
            vectors,
            K,
            D,
            composition=composition,
            seed=seed,
            verbose=0,
            **settings,
        )
        return rebuild(embedding)

    return method


def algorithm_1(schedule, steps=4000, learning_rate=0.01):
    """Makes a method of the paper's Algorithm 1 from a random start.

    Args:
        schedule: dict. Keyword arguments of `TemperatureSchedule`.
        steps: int. Number of training steps of 2,048 vectors.
        learning_rate: float.
    """

    def method(vectors, K, D, seed):
        keras.utils.set_random_seed(seed)
        count, dim = vectors.shape
        learner = kd_keras.KDCodeLearner(count, K, D)
        model = keras.Sequential(
            [kd_keras.KDEmbedding(count, dim, K, D, codes=learner)]
        )
        model.compile(kd_keras.LazyAdam(learning_rate), "mse")
        model.fit(
            np.arange(count),
            vectors,
            batch_size=BATCH,
            epochs=max(1, steps * BATCH // count),
            verbose=0,
            callbacks=[kd_keras.TemperatureSchedule(**schedule)],
        )
        return rebuild(kd_keras.freeze(model).layers[0])

    return method


def rebuild(embedding):
    ids = np.arange(embedding.input_dim)
    blocks = np.array_split(ids, -(-len(ids) // BATCH))
    rebuilt = np.concatenate([np.asarray(embedding(b)) for b in blocks])
    return rebuilt, embedding.composition.count_params()


METHODS = {
    "learn_codes linear": learn_codes("linear"),
    "learn_codes residual": learn_codes("residual"),
    "learn_codes lstm": learn_codes("lstm"),
    "learn_codes concat": learn_codes("concat"),
    "algorithm 1": algorithm_1(
        {
            "initial": 0.5,
            "decay_rate": 8e-4,
            "law": "exponential",
            "minimum": 0.02,
        }
    ),
}
# For `error_against_seconds.py`.
EFFORTS = {
    f"learn_codes linear, effort {effort:g}": learn_codes(
        "linear", effort=effort
    )
    for effort in (0, 0.03, 0.1, 0.3, 1)
}


def can_run(method, d, K, D):
    """Says whether a method of `METHODS` supports these sizes."""
    if D == 1:
        return method in ("learn_codes linear", "algorithm 1")
    return method != "learn_codes concat" or d % D == 0
