"""A recommender of films, from ratings to a small file for a phone.

    python examples/shrink_a_recommender.py ratings.csv --budget "60 KB"

`ratings.csv` is that of MovieLens (https://grouplens.org/datasets/movielens;
the small one has 100,000 ratings): a line has a user, a film, and two numbers
more. The model tells whether a user would rate a film. It is measured by how
often the last film that a user rated is among the ten first of a hundred.
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

import kd_keras

SIZE, EPOCHS, NEGATIVES, OTHERS, TOP = 64, 6, 4, 99, 10

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("ratings", type=Path)
parser.add_argument("--budget", default="60 KB")
arguments = parser.parse_args()

rng = np.random.default_rng(0)
keras.utils.set_random_seed(0)
rows = np.loadtxt(arguments.ratings, delimiter=",", skiprows=1)
rows = rows[np.lexsort((rows[:, 3], rows[:, 0]))]  # by user, then by time
user, film = (np.unique(x, return_inverse=True)[1] for x in rows.T[:2])
users, films = int(user.max()) + 1, int(film.max()) + 1
is_last = np.diff(user, append=users) != 0
seen, loved = user[~is_last], film[~is_last]

# Films that were not rated are drawn at random.
x = [np.tile(seen, 1 + NEGATIVES), np.tile(loved, 1 + NEGATIVES)]
x[1][len(loved) :] = rng.integers(films, size=NEGATIVES * len(loved))
y = np.arange(len(x[0])) < len(loved)
order = rng.permutation(len(y))
train = [ids[order, None].astype("int32") for ids in x], y[order].astype("f4")

inputs = [keras.Input((1,), dtype="int32", name=x) for x in ("user", "film")]
vectors = [
    layers.Flatten()(layers.Embedding(N, SIZE, name=name)(ids))
    for N, name, ids in zip(
        (users, films), ("users", "films"), inputs, strict=True
    )
]
hidden = layers.Concatenate()([*vectors, layers.Multiply()(vectors)])
hidden = layers.Dense(64, "relu")(hidden)
model = keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden), name="rated")
model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy")
model.fit(*train, 512, EPOCHS, verbose=2)

small = kd_keras.compress(model, arguments.budget, train)

# The last film of each user, and others at random.
shown = rng.integers(films, size=(users, 1 + OTHERS))
shown[:, 0] = film[is_last]
asked = [np.repeat(np.arange(users), 1 + OTHERS)[:, None], shown.reshape(-1, 1)]
with tempfile.TemporaryDirectory() as folder:
    for name, made in (("the model", model), ("small", small)):
        file = Path(folder, "model.tflite")
        size = kd_keras.export_litert(made, file, quantization="int8").total
        scores = made.predict(asked, 10_000, verbose=0).reshape(shown.shape)
        hits = ((scores[:, 1:] > scores[:, :1]).sum(axis=1) < TOP).mean()
        print(f"{name}: {size:,} bytes in int8, {hits:.1%} of {users} found")
