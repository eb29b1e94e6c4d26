"""Watches codes while they are learned, and stops when they have settled.

Algorithm 1 learns codes of a table by plain `model.fit`. Callbacks show the
progress of the codes:

- `CodeMetrics` adds the share of codes that changed, their perplexity, dead
  values and collisions to the logs;
- `CSVLogger`, from Keras, writes the logs to a file;
- `TensorBoard`, from Keras, draws them; `CodeSummaries` adds histograms and
  maps of how often each value is used;
- `StopWhenSettled`, below, ends the training when the codes have settled.

This is done with a falling temperature and with a constant one. With a
constant one, some codes never settle (figure 3 of the paper), and the training
ends after the last epoch.

    python examples/paper/watch_codes_settle.py
    tensorboard --logdir figures/watch_codes_settle
"""

import keras
import numpy as np
from experiment import BLUE, GREY, RED, ROOT, finish, parse, record

import kd_keras

PTB = ROOT / "saved_models" / "ptb_small_200.npz"
K, D = 16, 8
EPOCHS, STEPS_AN_EPOCH = 300, 10
FALLING = {
    "initial": 0.5,
    "decay_rate": 2e-3,
    "law": "exponential",
    "minimum": 0.01,
}
CONSTANT = {"initial": 0.5, "decay_rate": 0.0}


class StopWhenSettled(keras.callbacks.Callback):
    """Ends the training when hardly any code changes in an epoch.

    Keras' `EarlyStopping` would also stop when the share of codes that change
    no longer falls, however large it is.
    """

    def __init__(self, share=0.002):
        super().__init__()
        self.share = share

    def on_epoch_end(self, epoch, logs=None):
        if logs["code_flip_ratio"] < self.share:
            self.model.stop_training = True


def learn(vectors, schedule, epochs, logs):
    keras.utils.set_random_seed(0)
    N, d = vectors.shape
    model = keras.Sequential([kd_keras.KDEmbedding(N, d, K, D, codes="learn")])
    model.compile(kd_keras.LazyAdam(0.01), "mse")
    logs.mkdir(parents=True, exist_ok=True)
    history = model.fit(
        np.arange(N),
        vectors,
        batch_size=-(-N // STEPS_AN_EPOCH),
        epochs=epochs,
        verbose=0,
        callbacks=[
            kd_keras.TemperatureSchedule(**schedule),
            kd_keras.CodeMetrics(),  # before the callbacks that read the logs
            keras.callbacks.CSVLogger(str(logs / "log.csv")),
            keras.callbacks.TensorBoard(str(logs), write_graph=False),
            kd_keras.CodeSummaries(logs / "train", every=5),
            StopWhenSettled(),
        ],
    )
    return {
        "epochs": len(history.epoch),
        **{
            name: np.round(x, 6).tolist() for name, x in history.history.items()
        },
    }


def measure(logs, symbols, epochs):
    vectors = kd_keras.read_vectors(PTB).vectors[:symbols]
    variance = np.square(vectors - vectors.mean(axis=0)).mean()
    runs = {
        "T falls": learn(vectors, FALLING, epochs, logs / "falling"),
        "T constant": learn(vectors, CONSTANT, epochs, logs / "constant"),
    }
    for name, run in runs.items():
        print(
            f"{name}: {run['epochs']} of {epochs} epochs, "
            f"{run['code_flip_ratio'][-1]:.1%} of the code values changed in "
            f"the last one, error {run['loss'][-1] / variance:.3f} of the "
            "variance"
        )
    return {
        "symbols": len(vectors),
        "epochs_allowed": epochs,
        "variance": float(variance),
        **runs,
    }


def draw(results):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(11, 2.8), layout="constrained")
    for name, colour in (("T falls", BLUE), ("T constant", RED)):
        run = results[name]
        epochs = np.arange(1, run["epochs"] + 1)
        for axis, what, scale in (
            (axes[0], "loss", results["variance"]),
            (axes[1], "code_flip_ratio", 1),
            (axes[2], "code_perplexity", 1),
            (axes[3], "code_collisions", 1),
        ):
            values = np.array(run[what]) / scale
            axis.plot(epochs, values, color=colour, label=name)
            if run["epochs"] < results["epochs_allowed"]:
                axis.plot(epochs[-1], values[-1], "o", color=colour)
    for axis, title in zip(
        axes,
        (
            "error / variance",
            "share of code values changed",
            f"perplexity of the values, of {K}",
            "symbols that share a code",
        ),
        strict=True,
    ):
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("epoch")
        axis.set_xlim(0, results["epochs_allowed"])
    axes[1].annotate(
        "settled:\nstopped here",
        (results["T falls"]["epochs"], 0),
        textcoords="offset points",
        xytext=(0, 25),
        ha="center",
        fontsize=8,
        color=GREY,
        arrowprops={"arrowstyle": "-", "color": GREY},
    )
    axes[0].set_yscale("log")
    axes[0].legend()
    return figure


if __name__ == "__main__":
    args = parse(__doc__)
    if not args.draw:
        small = {"symbols": 300, "epochs": 6}
        full = {"symbols": 10_000, "epochs": EPOCHS}
        logs = args.output if args.quick else ROOT / "figures"
        logs = logs / "watch_codes_settle"
        settings = small if args.quick else full
        record(args, measure(logs, **settings), seed=0)
    finish(args, draw)
