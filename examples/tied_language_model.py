"""A language model whose two tables are one set of codes.

A language model has a vector for each word twice: in the embedding, for the
word that was read, and in the output layer, for the word that comes next. This
script trains such a model as usual, gives its words codes, and trains a model
in which both sides use them. The text is the documentation of this package.

    python examples/tied_language_model.py
"""

import re
import tempfile
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

import kd_keras

SIZE, STEPS, EPOCHS = 64, 20, 12
ROOT = Path(__file__).parent.parent

# Every word that occurs twice gets an id, the most frequent first; all others
# are `<unk>`, id 0.
pages = sorted(ROOT.glob("docs/*.md"))
text = " ".join(page.read_text() for page in pages).lower()
words = re.findall(r"[a-z]+|[0-9]+|[.,:;()]", text)
found, counts = np.unique(words, return_counts=True)
order = [i for i in np.argsort(-counts, kind="stable") if counts[i] > 1]
vocabulary = ["<unk>", *(str(found[i]) for i in order)]
ids = {word: i for i, word in enumerate(vocabulary)}
tokens = np.array([ids.get(word, 0) for word in words])
N = len(vocabulary)

# Every tenth row of 20 words is kept for the test.
rows = tokens[: (len(tokens) - 1) // STEPS * STEPS].reshape(-1, STEPS)
nexts = tokens[1 : rows.size + 1].reshape(-1, STEPS)
is_test = np.arange(len(rows)) % 10 == 0


def make_model(embedding, output):
    inputs = keras.Input((STEPS,), dtype="int32")
    hidden = keras.layers.Dropout(0.3)(embedding(inputs))
    hidden = keras.layers.LSTM(SIZE, return_sequences=True)(hidden)
    return keras.Model(inputs, output(keras.layers.Dropout(0.3)(hidden)))


def train_and_test(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005), loss)
    model.fit(rows[~is_test], nexts[~is_test], epochs=EPOCHS, verbose=2)
    return np.exp(model.evaluate(rows[is_test], nexts[is_test], verbose=0))


# First as usual: N x 64 numbers on each side.
keras.utils.set_random_seed(0)
dense = keras.layers.Dense(N)
usual = make_model(keras.layers.Embedding(N, SIZE), dense)
usual_perplexity = train_and_test(usual)

# The kernel of the output layer has a column for each word. Codes are learned
# of it. An error in the vector of a frequent word does more harm than one of a
# rare word, so it counts more: by the square root of how often it occurs.
often = np.bincount(tokens, minlength=N) + 0.5
coded = kd_keras.learn_codes(
    dense.kernel.numpy().T, K=16, D=16, weights=np.sqrt(often), verbose=0
)

# These codes serve both sides. `KDLogits(embedding=...)` takes the codes and
# the code embeddings of the embedding, so the file has them once. The model
# begins with new weights; only the codes were learned before.
keras.utils.set_random_seed(0)
embedding = kd_keras.KDEmbedding(N, SIZE, K=16, D=16, codes=coded.codes)
tied = make_model(embedding, kd_keras.KDLogits(embedding=embedding))
tied_perplexity = train_and_test(tied)

report = Table("model", "int8 file", "its tables", "test perplexity")
with tempfile.TemporaryDirectory() as folder:
    for name, model, perplexity in (
        ("Embedding and Dense", usual, usual_perplexity),
        ("codes, tied", tied, tied_perplexity),
    ):
        path = Path(folder) / "model.tflite"
        sizes = kd_keras.export_litert(model, path, quantization="int8")
        others = sizes.parts["other layers"] + sizes.parts["overhead"]
        report.add_row(
            name,
            f"{sizes.total:,} bytes",
            f"{sizes.total - others:,} bytes",
            f"{perplexity:.1f}",
        )
Console().print(report)
