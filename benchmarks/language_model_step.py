"""Time of a training step of the language model with different embeddings.

The model is the paper's small one; batches are 20 x 20 words, drawn as often as
words occur in a text (Zipf). The embeddings take turns, a few steps each, so
that a busy machine slows all of them. Reported are medians and their ratio to
`Embedding`.

    python benchmarks/language_model_step.py
"""

import argparse

import keras
import numpy as np
from record import write_results
from rich.console import Console
from rich.table import Table
from step_time import StepTimes

from kd_keras import KDEmbedding
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.model import (
    build_language_model,
    compile_language_model,
)

WORDS = 10_000
CONFIGURATION = CONFIGURATIONS["small"]
BATCH, STEPS, HIDDEN = (
    CONFIGURATION.batch_size,
    CONFIGURATION.steps,
    CONFIGURATION.hidden,
)


def codes(composition, K, D, codes=None):
    return lambda: KDEmbedding(
        WORDS, HIDDEN, K, D, codes=codes, composition=composition
    )


EMBEDDINGS = {
    "Embedding": lambda: keras.layers.Embedding(WORDS, HIDDEN),
    "linear, K = 50, D = 10": codes("linear", 50, 10),
    "linear, K = 32, D = 32": codes("linear", 32, 32),
    "concat, K = 32, D = 25": codes("concat", 32, 25),
    "LSTM, K = 50, D = 10": codes("lstm", 50, 10),
    "learned, concat, K = 32, D = 25": codes("concat", 32, 25, "learn"),
    "learned, linear, K = 50, D = 10": codes("linear", 50, 10, "learn"),
    "learned, linear, K = 32, D = 32": codes("linear", 32, 32, "learn"),
}


def language_model(make_embedding, precision):
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    model = build_language_model(
        CONFIGURATION, make_embedding(), WORDS, BATCH, STEPS
    )
    compile_language_model(model, CONFIGURATION)
    keras.config.set_dtype_policy("float32")
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=10, help="per round")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    models = {
        (name, "float32"): language_model(make, "float32")
        for name, make in EMBEDDINGS.items()
    }
    for name in ("Embedding", "linear, K = 50, D = 10"):
        key = (name, "mixed_bfloat16")
        models[key] = language_model(EMBEDDINGS[name], key[1])
    rng = np.random.default_rng(args.seed)
    often = 1 / np.arange(1, WORDS + 1)
    ids = rng.choice(
        WORDS, (2, BATCH * args.steps, STEPS), p=often / often.sum()
    ).astype("int32")
    seconds = {key: [] for key in models}
    for turn in range(1 + args.rounds):
        for key, model in models.items():
            times = StepTimes()
            model.fit(*ids, BATCH, shuffle=False, verbose=0, callbacks=[times])
            if turn > 0:  # the first compiles
                seconds[key] += times.seconds[1:]
    rows = []
    table = Table("embedding", "precision", "ms a step", "ratio")
    baseline = np.median(seconds["Embedding", "float32"])
    for (name, precision), times in seconds.items():
        median = float(np.median(times))
        rows.append(
            {
                "embedding": name,
                "precision": precision,
                "milliseconds": 1000 * median,
                "ratio": median / baseline,
            }
        )
        table.add_row(
            name, precision, f"{1000 * median:.1f}", f"{median / baseline:.2f}"
        )
    Console().print(table)
    results = {"model": "small", "rows": rows}
    results["backend"] = keras.backend.backend()
    print(write_results("language_model_step", results, args.seed))


if __name__ == "__main__":
    main()
