"""Figure 3, clustering: why the temperature has to fall.

10,000 points in 100 well separated clusters of 10 dimensions, whose centres
are five times as far apart as the noise. With K = 100 and D = 1, a code is a
cluster, and learning codes is the task of k-means. The paper's Algorithm 1
runs in six ways, from a random start except in the last:

- the straight-through estimator with a temperature that falls exponentially
  over the first 1,000 steps;
- with a constant temperature;
- with the temperature of section 3 of the paper, 1 / (1 + t), where t is the
  step, as the paper says;
- the same with t as the epoch, of five steps;
- with the smooth code (the tempered softmax itself) in training, while the
  temperature falls; it is measured with discrete codes;
- the first again, from logits that say which of 100 k-means++ centres is
  nearest to a point. The paper starts at random; this shows what that costs.

The figure shows squared loss and normalized mutual information with the true
clusters over the steps, and the share of codes that change from epoch to epoch.
There are five seeds; bands reach from the lowest to the highest. The lines to
compare with are scikit-learn's k-means (the best of ten starts) and
`learn_codes`.

    python examples/paper/figure3_clustering.py

This takes about twenty minutes on two cores. Runs that are in the JSON file are
not repeated.
"""

import keras
import numpy as np
from experiment import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    earlier,
    finish,
    parse,
    record,
)
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.metrics import normalized_mutual_info_score

import kd_keras
from kd_keras.datasets.clusters import CLUSTERS, DIM, make_clusters

POINTS = 10_000
BATCH, STEPS = 2048, 1500
LEARNING_RATE = 0.03
FALLING = {
    "initial": 1.0,
    "decay_rate": 4e-3,
    "law": "exponential",
    "minimum": 0.02,
}
PAPER = {"initial": 1.0, "decay_rate": 1.0}  # no lower than 0.01
BY_EPOCH = PAPER | {"decay_rate": BATCH / POINTS}
START_LOGIT = 1.0  # of the nearest centre; the others are near 0

WAYS = {
    "T falls": {"schedule": FALLING},
    "T = 1": {},
    "T = 1 / (1 + step)": {"schedule": PAPER},
    "T = 1 / (1 + epoch)": {"schedule": BY_EPOCH},
    "smooth code, T falls": {"estimator": "smooth", "schedule": FALLING},
    "T falls, k-means++ start": {"schedule": FALLING, "start": True},
}
COLOURS = dict(zip(WAYS, (BLUE, RED, BLACK, SKY, ORANGE, GREEN), strict=True))


def squared_loss(vectors, rebuilt):
    return float(np.square(vectors - rebuilt).sum(axis=1).mean())


class Watch(keras.callbacks.Callback):
    """Records loss and NMI of the discrete codes after each epoch."""

    def __init__(self, vectors, labels):
        super().__init__()
        self.vectors, self.labels = vectors, labels
        self.curve = []

    def on_epoch_end(self, epoch, logs=None):
        embedding = self.model.layers[0]
        codes = embedding.codes
        rebuilt = np.asarray(embedding(np.arange(len(codes))))
        self.curve.append(
            {
                "step": int(self.model.optimizer.iterations.numpy()),
                "temperature": logs.get("temperature", 1.0),
                "training_loss": logs["loss"] * DIM,  # Keras' is the mean
                "loss": squared_loss(self.vectors, rebuilt),
                "nmi": normalized_mutual_info_score(self.labels, codes[:, 0]),
                "codes_changed": logs["code_flip_ratio"],
            }
        )


def learn(
    vectors, labels, seed, steps, estimator=None, schedule=None, start=False
):
    """Runs Algorithm 1 by plain `fit` and returns the lists of `Watch`."""
    keras.utils.set_random_seed(seed)
    count = len(vectors)
    learner = kd_keras.KDCodeLearner(
        count, CLUSTERS, 1, estimator=estimator or "straight_through"
    )
    embedding = kd_keras.KDEmbedding(count, DIM, CLUSTERS, 1, codes=learner)
    model = keras.Sequential([embedding])
    model.build((None,))
    if start:
        centres, _ = kmeans_plusplus(vectors, CLUSTERS, random_state=seed)
        embedding.composition.code_embeddings.assign(centres[np.newaxis])
        distances = np.square(vectors[:, np.newaxis] - centres).sum(axis=2)
        nearest = np.eye(CLUSTERS)[distances.argmin(axis=1)]
        learner.logits.assign_add(START_LOGIT * nearest[:, np.newaxis])
    model.compile(kd_keras.LazyAdam(LEARNING_RATE), "mse")
    watch = Watch(vectors, labels)
    model.fit(
        np.arange(count),
        vectors,
        batch_size=BATCH,
        epochs=max(2, steps * BATCH // count),
        verbose=0,
        callbacks=[
            *([kd_keras.TemperatureSchedule(**schedule)] if schedule else []),
            kd_keras.CodeMetrics(),
            watch,
        ],
    )
    return {
        what: [round(point[what], 5) for point in watch.curve]
        for what in watch.curve[0]
    }


def lines_to_reach(vectors, labels, seed):
    k_means = KMeans(CLUSTERS, n_init=10, random_state=seed).fit(vectors)
    embedding = kd_keras.learn_codes(vectors, CLUSTERS, 1, seed=seed, verbose=0)
    rebuilt = np.asarray(embedding(np.arange(len(vectors))))
    return {
        "k-means": {
            "loss": k_means.inertia_ / len(vectors),
            "nmi": normalized_mutual_info_score(labels, k_means.labels_),
        },
        "learn_codes": {
            "loss": squared_loss(vectors, rebuilt),
            "nmi": normalized_mutual_info_score(labels, embedding.codes[:, 0]),
        },
    }


def measure(seeds, points, steps, done):
    """Runs what is missing in `done`, the results of an earlier call."""
    runs, lines = done.get("runs", []), done.get("lines", [])
    for seed in seeds:
        vectors, labels = make_clusters(seed, points)
        if seed not in [line["seed"] for line in lines]:
            lines.append({"seed": seed} | lines_to_reach(vectors, labels, seed))
        for way, how in WAYS.items():
            if (way, seed) in [(run["way"], run["seed"]) for run in runs]:
                continue
            curve = learn(vectors, labels, seed, steps, **how)
            runs.append({"way": way, "seed": seed, "curve": curve})
            loss, nmi = curve["loss"][-1], curve["nmi"][-1]
            print(f"{way}, seed {seed}: loss {loss:.2f}, NMI {nmi:.3f}")
    return {"runs": runs, "lines": lines}


def draw(results):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    for way, colour in COLOURS.items():
        mine = [run["curve"] for run in results["runs"] if run["way"] == way]
        steps = mine[0]["step"]

        def band(axis, what, mine=mine, steps=steps, colour=colour, **style):
            values = np.array([curve[what] for curve in mine])
            axis.plot(steps, np.median(values, axis=0), color=colour, **style)
            low, high = values.min(axis=0), values.max(axis=0)
            axis.fill_between(steps, low, high, color=colour, alpha=0.2, lw=0)

        band(axes[0], "loss", label=way)
        if way.startswith("smooth"):
            style = {"linestyle": ":", "label": f"{way}: while training"}
            band(axes[0], "training_loss", **style)
        band(axes[1], "nmi")
        band(axes[2], "codes_changed")
    for name, colour in (("k-means", GREY), ("learn_codes", PURPLE)):
        for axis, what in ((axes[0], "loss"), (axes[1], "nmi")):
            values = [line[name][what] for line in results["lines"]]
            axis.axhline(
                np.median(values), color=colour, ls="--", lw=1, label=name
            )
    axes[0].set_yscale("log")
    for axis, title in zip(
        axes, ("squared loss", "NMI", "share of codes changed"), strict=True
    ):
        axis.set_title(title)
        axis.set_xlabel("step")
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
    )
    return figure


if __name__ == "__main__":
    args = parse(__doc__)
    if not args.draw:
        quick = {"seeds": [0], "points": 1000, "steps": 20}
        full = {"seeds": [*range(5)], "points": POINTS, "steps": STEPS}
        settings = quick if args.quick else full
        done = {} if args.quick else earlier(args)
        record(args, measure(**settings, done=done), seed=settings["seeds"])
    finish(args, draw)
