"""The tasks of `tasks.py`: texts and ratings, and models that read them.

The texts are TREC questions, SUBJ and movie reviews (MR), one sentence a line
with its label first. The ratings are MovieLens small, October 2016 (Harper and
Konstan, "The MovieLens datasets", 2015), whose use is for research.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers

STEPS = 40  # words of a sentence
WORDS = 15_000
DIM = 50
PAD, UNKNOWN = 0, 1
NEGATIVES, CANDIDATES, TOP = 4, 99, 10


@dataclasses.dataclass(frozen=True)
class Table:
    """An embedding table of a task; its ids are in the order of the counts."""

    name: str
    N: int
    d: int
    counts: np.ndarray
    start: np.ndarray | None = None  # vectors to begin with


@dataclasses.dataclass(frozen=True)
class Task:
    """A task of which the quality is measured.

    Attributes:
        tables: The tables of the model.
        build: From layers by the names of tables to a compiled model.
        fit: Trains a model for a number of epochs, keeping the best.
        quality: Measures a model on the test data, in percent.
        measure: The name of the quality.
        data: Data to train on and to validate with, as `fit` takes them.
        is_recurrent: Whether the model has an LSTM.
        also: Measures a model in other ways: percent by their names.
        kept: What methods share: the model to be made small.
    """

    tables: tuple[Table, ...]
    build: Callable
    fit: Callable
    quality: Callable
    measure: str
    data: tuple
    is_recurrent: bool = False
    also: Callable = lambda model: {}
    kept: dict = dataclasses.field(default_factory=dict)


def text_task(files, kind, glove, seed):
    """A classifier of sentences, convolutional or a bidirectional LSTM."""
    rng = np.random.default_rng(seed)
    parts = [_sentences(path) for path in files]
    if len(parts) == 1:
        [lines] = parts
        lines = [lines[i] for i in rng.permutation(len(lines))]
        test, lines = lines[: len(lines) // 10], lines[len(lines) // 10 :]
    else:
        lines, test = parts
        lines = [lines[i] for i in rng.permutation(len(lines))]
    valid, train = lines[: len(lines) // 10], lines[len(lines) // 10 :]
    occurs = Counter(word for _, words in train for word in words)
    common = [word for word, _ in occurs.most_common(WORDS - 2)]
    ids = {word: i for i, word in enumerate(common, 2)}
    counts = np.array([1, 1] + [occurs[word] for word in common], float)
    # Padding and the unknown word are met all the time.
    counts[:2] = counts.max()
    start = rng.normal(0, 0.1, (len(counts), DIM))
    if glove is not None:
        for word, vector in _vectors(glove).items():
            if word in ids:
                start[ids[word]] = 0.3 * vector
    table = Table("words", len(counts), DIM, counts, start.astype("f4"))
    data = [_arrays(part, ids) for part in (train, valid, test)]
    classes = int(max(y.max() for _, y in data)) + 1

    def build(given):
        tokens = keras.Input((STEPS,), dtype="int32", name="tokens")
        hidden = given["words"](tokens)
        if kind == "convolution":
            hidden = layers.Conv1D(64, 3, activation="relu")(hidden)
            hidden = layers.GlobalMaxPooling1D()(hidden)
        else:
            hidden = layers.Bidirectional(layers.LSTM(32))(hidden)
        hidden = layers.Dropout(0.5)(hidden)
        output = layers.Dense(classes, "softmax", name="classes")(hidden)
        model = keras.Model(tokens, output)
        loss = "sparse_categorical_crossentropy"
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    def fit(model, epochs):
        best = _Best("val_accuracy")
        model.fit(*data[0], 50, epochs, 0, [best], validation_data=data[1])

    def quality(model):
        found = model.evaluate(*data[2], 500, verbose=0, return_dict=True)
        return 100 * found["accuracy"]

    return Task(
        (table,), build, fit, quality, "accuracy", tuple(data[:2]),
        is_recurrent=kind == "lstm",
    )  # fmt: skip


def recommender_task(path, seed, d=64):
    """Neural collaborative filtering: is a film one that the user rated?

    The last film of each user is kept for the test, the one before it for
    validation, each among 99 films that the user has not rated.
    """
    rng = np.random.default_rng(seed)
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    user, film = (
        np.unique(rows[:, column], return_inverse=True)[1] for column in (0, 1)
    )
    order = np.lexsort((rows[:, 3], user))
    user, film = user[order], film[order]
    last = np.flatnonzero(np.diff(user, append=-1))
    kept = np.ones(len(user), bool)
    kept[last] = kept[last - 1] = False
    user, film = _by_count(user, kept), _by_count(film, kept)
    seen = set(zip(user.tolist(), film.tolist(), strict=True))
    films = int(film.max()) + 1

    def others(u, count):
        found: list[int] = []
        while len(found) < count:
            f = int(rng.integers(films))
            if (u, f) not in seen:
                found.append(f)
        return found

    def ranked(places):
        return [
            (int(user[i]), [int(film[i]), *others(int(user[i]), CANDIDATES)])
            for i in places
        ]

    valid, test = ranked(last - 1), ranked(last)
    train = user[kept], film[kept]
    users = int(user.max()) + 1
    counts = [
        np.bincount(x, minlength=N) + 0.5
        for x, N in zip(train, (users, films), strict=True)
    ]
    tables = (
        Table("users", users, d, counts[0]),
        Table("films", films, d, counts[1]),
    )

    def build(given):
        inputs = [
            keras.Input((1,), dtype="int32", name=name)
            for name in ("user", "film")
        ]
        vectors = [
            layers.Flatten()(given[table.name](ids))
            for table, ids in zip(tables, inputs, strict=True)
        ]
        product = layers.Multiply()(vectors)
        hidden = layers.Concatenate()([*vectors, product])
        hidden = layers.Dense(64, "relu")(hidden)
        output = layers.Dense(1, "sigmoid", name="rated")(hidden)
        model = keras.Model(inputs, output)
        model.compile(
            keras.optimizers.Adam(2e-3),
            "binary_crossentropy",
            metrics=[keras.metrics.AUC()],  # the order counts
        )
        return model

    def draw(rng):
        """Draws films that stand for those a user has not rated."""
        u = np.repeat(train[0], 1 + NEGATIVES)
        f = rng.integers(films, size=len(u))
        f[:: 1 + NEGATIVES] = train[1]
        y = np.zeros((len(u), 1), np.float32)
        y[:: 1 + NEGATIVES] = 1
        return [u[:, None], f[:, None]], y

    def fit(model, epochs):
        # Its own draws, whatever has been trained before.
        rng = np.random.default_rng([seed, 1])
        best = None
        for _ in range(epochs):
            model.fit(*draw(rng), 1000, 1, 0)
            hits = _ranked(model, valid)["HR@10"]
            if best is None or hits > best[0]:
                best = hits, model.get_weights()
        model.set_weights(best[1])

    # Users and films of the cases that are kept for validation. Films that the
    # user has not rated count as much as in training, or a model that is less
    # sure of everything would have the lower loss.
    u = np.repeat([u for u, _ in valid], 1 + CANDIDATES)[:, None]
    f = np.concatenate([f for _, f in valid])[:, None]
    y = np.tile([[1.0]] + [[0.0]] * CANDIDATES, (len(valid), 1))
    counts_as = np.tile(
        [1.0] + [NEGATIVES / CANDIDATES] * CANDIDATES, len(valid)
    )
    data = draw(np.random.default_rng([seed, 2])), ([u, f], y, counts_as)
    return Task(
        tables,
        build,
        fit,
        lambda model: _ranked(model, test)["HR@10"],
        "HR@10",
        data,
        also=lambda model: {"NDCG@10": _ranked(model, test)["NDCG@10"]},
    )


def _ranked(model, cases):
    """Tells how high a model ranks the film among 100, in percent.

    HR@10 is how often it is among the ten best, NDCG@10 counts it there by
    1 / log2(1 + place).
    """
    users = np.repeat([u for u, _ in cases], 1 + CANDIDATES)[:, None]
    films = np.concatenate([f for _, f in cases])[:, None]
    scores = model.predict([users, films], 10_000, verbose=0)
    scores = scores.reshape(-1, 1 + CANDIDATES)
    better = (scores[:, 1:] > scores[:, :1]).sum(axis=1)
    # Films that share a vector tie, and are in any order.
    equal = (scores[:, 1:] == scores[:, :1]).sum(axis=1)
    worth = np.zeros((2, 2 + CANDIDATES))  # of the first places, summed
    worth[0, 1:] = np.minimum(np.arange(1 + CANDIDATES), TOP - 1) + 1
    worth[1, 1 : 1 + TOP] = (1 / np.log2(np.arange(TOP) + 2)).cumsum()
    worth[1, 1 + TOP :] = worth[1, TOP]
    found = (worth[:, better + equal + 1] - worth[:, better]) / (1 + equal)
    hits, gain = 100 * found.mean(axis=1)
    return {"HR@10": float(hits), "NDCG@10": float(gain)}


def _by_count(ids, kept):
    """Renumbers ids in the order of falling counts in the rows kept."""
    counts = np.bincount(ids[kept], minlength=ids.max() + 1)
    ranks = np.empty(len(counts), int)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return ranks[ids]


def _sentences(path):
    # Not splitlines: a sentence may contain other separators of lines.
    lines = Path(path).read_text("utf-8", "replace").split("\n")
    return [(int(x.split()[0]), x.lower().split()[1:]) for x in lines if x]


def _arrays(lines, ids):
    x = np.full((len(lines), STEPS), PAD, np.int32)
    for row, (_, words) in zip(x, lines, strict=True):
        found = [ids.get(word, UNKNOWN) for word in words[:STEPS]]
        row[: len(found)] = found
    return x, np.array([label for label, _ in lines])


def _vectors(path):
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            word, *numbers = line.split(" ")
            found[word] = np.array(numbers, float)
    return found


class _Best(keras.callbacks.Callback):
    """Ends training with the weights of the best epoch."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def on_train_begin(self, logs=None):
        self.best, self.weights = -1.0, None

    def on_epoch_end(self, epoch, logs):
        if logs[self.name] > self.best:
            self.best, self.weights = logs[self.name], self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)
