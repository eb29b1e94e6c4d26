"""Makes the model that `make demo` makes small, and the counts of its words.

It tells which kind of answer a question asks for: a description, an entity, an
abbreviation, a person, a place or a number. It is trained on the questions of
TREC (Li and Roth, "Learning question classifiers", 2002).

    python benchmarks/question_types.py --data-dir data
"""

import argparse
from collections import Counter
from pathlib import Path

import keras
import numpy as np
from keras import layers

WORDS_OF_A_QUESTION, SIZE, EPOCHS = 20, 64, 8
OUTPUT = Path(__file__).parents[1] / "saved_models"


def read(path):
    lines = [x for x in path.read_text("utf-8").split("\n") if x]
    labels, texts = zip(*(x.split(" ", 1) for x in lines), strict=True)
    texts = keras.ops.convert_to_tensor(list(texts), dtype="string")
    return texts, np.array(labels, int)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True, type=Path)
    folder = parser.parse_args().data_dir / "text"
    train, test = (
        read(folder / "TREC.train.all"),
        read(folder / "TREC.test.all"),
    )
    keras.utils.set_random_seed(0)
    words = layers.TextVectorization(
        output_sequence_length=WORDS_OF_A_QUESTION, name="words"
    )
    words.adapt(train[0])
    model = keras.Sequential(
        [
            keras.Input((), dtype="string", name="question"),
            words,
            layers.Embedding(words.vocabulary_size(), SIZE, name="vectors"),
            layers.SpatialDropout1D(0.2, name="drop_words"),
            layers.Conv1D(48, 3, activation="relu", name="convolution"),
            layers.GlobalMaxPooling1D(name="strongest"),
            layers.Dropout(0.4, name="drop"),
            layers.Dense(6, "softmax", name="kind"),
        ],
        name="question_types",
    )
    arguments = {
        "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"],
    }  # fmt: skip
    model.compile("adam", **arguments)
    model.fit(*train, epochs=EPOCHS, batch_size=32, verbose=2)
    print("test accuracy", model.evaluate(*test, verbose=0)[1])
    model.compile("adam", **arguments)  # without the optimizer's state
    model.save(OUTPUT / "question_types.keras")
    occurs = Counter(np.asarray(words(train[0])).ravel().tolist())
    counts = [occurs[i] for i in range(words.vocabulary_size())]
    counts[:2] = [max(counts[2:])] * 2  # padding and the unknown word
    lines = "".join(f"{count}\n" for count in counts)
    (OUTPUT / "question_types_counts.txt").write_text(lines)


if __name__ == "__main__":
    main()
