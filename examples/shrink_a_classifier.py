"""A classifier of film reviews, from nothing to a small file for a phone.

Keras downloads the reviews (IMDB, 17 MB). Most of the model is its embedding
table, 20,000 words x 50. `compress` makes the model as small as one is asked
for, and `export_litert` writes the file.

    python examples/shrink_a_classifier.py --budget "100 KB"
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

import kd_keras

WORDS, LENGTH, EPOCHS = 20_000, 200, 3

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--budget", default="100 KB")
budget = parser.parse_args().budget

# Words are numbered by how frequent they are; 0 is padding.
reviews = keras.datasets.imdb.load_data(num_words=WORDS)
train, test = (
    (keras.utils.pad_sequences(x, LENGTH), np.array(y)) for x, y in reviews
)

model = keras.Sequential(
    [
        keras.Input((LENGTH,), dtype="int32"),
        layers.Embedding(WORDS, 50, name="words"),
        layers.Conv1D(32, 5, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dropout(0.5),
        layers.Dense(1, "sigmoid"),
    ],
    name="reviews",
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(*train, 64, epochs=EPOCHS, verbose=2)

small = kd_keras.compress(model, budget, train)

with tempfile.TemporaryDirectory() as folder:
    for name, made in (("the model", model), ("small", small)):
        file = Path(folder, "model.tflite")
        size = kd_keras.export_litert(made, file, quantization="int8").total
        accuracy = made.evaluate(*test, verbose=0)[1]
        print(f"{name}: {size:,} bytes in int8, test accuracy {accuracy:.1%}")
