"""Codes learned with the task, without a trained table.

The paper learns codes from a table that was trained before. Here there is no
such table: a `KDEmbedding` takes the place of `keras.layers.Embedding`. The
straight-through estimator learns its codes together with the rest of the
model, and `freeze` fixes them at the end.

    python examples/codes_in_a_task.py
"""

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

import kd_keras

# A small recommender: 2,000 items of 20 hidden genres. A user has bought eight
# items, mostly of one genre. Is a ninth item of that genre?
ITEMS, GENRES, BOUGHT, USERS = 2000, 20, 8, 20_000
rng = np.random.default_rng(0)
genre = rng.integers(GENRES, size=ITEMS)
items_of = [np.flatnonzero(genre == g) for g in range(GENRES)]


def make_users(count):
    taste = rng.integers(GENRES, size=count)
    liked = np.stack([rng.choice(items_of[g], BOUGHT + 1) for g in taste])
    other = rng.integers(ITEMS, size=liked.shape)
    ids = np.where(rng.random(liked.shape) < 0.7, liked, other)
    match = rng.random(count) < 0.5
    ids[:, -1] = np.where(match, liked[:, -1], other[:, -1])
    return ids, (genre[ids[:, -1]] == taste).astype("float32")


train, test = make_users(USERS), make_users(5000)


def make_model(embedding):
    ids = keras.Input((BOUGHT + 1,), dtype="int32")
    vectors = embedding(ids)
    taste = keras.layers.GlobalAveragePooling1D()(vectors[:, :BOUGHT])
    candidate = vectors[:, BOUGHT]
    both = keras.layers.Concatenate()([taste, candidate, taste * candidate])
    hidden = keras.layers.Dense(32, activation="relu")(both)
    answer = keras.layers.Dense(1, activation="sigmoid")(hidden)
    return keras.Model(ids, answer)


def train_and_test(embedding, callbacks=()):
    model = make_model(embedding)
    # The same optimizer for all, so that only the embedding differs. It updates
    # only the rows of the batch, whatever the number of items.
    model.compile(
        kd_keras.LazyAdam(0.005), "binary_crossentropy", metrics=["accuracy"]
    )
    model.fit(*train, 128, epochs=8, verbose=2, callbacks=list(callbacks))
    return model, model.evaluate(*test, verbose=0)[1]


keras.utils.set_random_seed(0)
_, plain = train_and_test(keras.layers.Embedding(ITEMS, 32))

# K = 16, D = 8: four bytes per item instead of 128. The metrics in the log show
# whether the codes have settled (`code_flip_ratio`) and all values are used.
keras.utils.set_random_seed(0)
learning, learned = train_and_test(
    kd_keras.KDEmbedding(ITEMS, 32, K=16, D=8, codes="learn"),
    [
        kd_keras.TemperatureSchedule(initial=1.0, decay_rate=0.001),
        kd_keras.CodeMetrics(),
    ],
)

# Random codes of the same size show what learning the codes is worth.
keras.utils.set_random_seed(0)
_, at_random = train_and_test(kd_keras.KDEmbedding(ITEMS, 32, K=16, D=8))

# The frozen model computes the same from uint8 codes, and can train further.
small = kd_keras.freeze(learning)
small.compile(loss="binary_crossentropy", metrics=["accuracy"])
frozen = small.evaluate(*test, verbose=0)[1]

size = kd_keras.embedding_bytes(ITEMS, 32, K=16, D=8)
report = Table("embedding", "bytes", "test accuracy")
report.add_row("Embedding", f"{size.conventional:,}", f"{plain:.3f}")
report.add_row("codes learned", f"{size.total:,}", f"{learned:.3f}")
report.add_row("the same, frozen", f"{size.total:,}", f"{frozen:.3f}")
report.add_row("random codes", f"{size.total:,}", f"{at_random:.3f}")
Console().print(report)
