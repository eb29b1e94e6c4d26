"""Output layers with codes beside `keras.layers.Dense`: steps, logits, bytes.

Three measurements, each with all output layers in turns, so that a busy machine
slows all of them:

- with `--training`: a training step of the paper's small language model
  (batches of 20 x 20 words, 10,000 words);
- one call of the exported layer, int8, in LiteRT's Interpreter on one thread,
  for one hidden state and for 20, and for other sizes of a vector;
- one streamed token of the exported language model, int8, and the bytes of its
  file.

The weights are random, which does not change these figures.

    python benchmarks/output_layer.py
    python benchmarks/output_layer.py --training   # output_layer_step.json
"""

import argparse
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from record import write_results
from rich.console import Console
from rich.table import Table
from step_time import StepTimes

import kd_keras
from kd_keras.export import parity
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.copies import streaming_model
from kd_keras.language_model.model import (
    build_language_model,
    compile_language_model,
)

CONFIGURATION = CONFIGURATIONS["small"]
BATCH, STEPS, HIDDEN = (
    CONFIGURATION.batch_size,
    CONFIGURATION.steps,
    CONFIGURATION.hidden,
)
WORDS = 10_000
# name -> K, D, composition, code_dim
CODES = {
    "linear, K = 16, D = 32": (16, 32, "linear", None),
    "linear, K = 64, D = 16": (64, 16, "linear", None),
    "linear, K = 256, D = 8": (256, 8, "linear", None),
    "linear, K = 256, D = 16": (256, 16, "linear", None),
    "linear, K = 256, D = 16, d' = 50": (256, 16, "linear", 50),
    "concat, K = 256, D = 25": (256, 25, "concat", None),
}
# Numbers of symbols and hidden states, and sizes of a vector.
LAYERS = (
    *((10_000, n, 200) for n in (1, 20)),
    *((N, 1, d) for d in (650, 1500) for N in (10_000, 100_000)),
    (100_000, 1, 200),
)
CALLS = 200


def output_layer(name, units):
    if name == "Dense":
        return keras.layers.Dense(units, bias_initializer="normal")
    return kd_keras.KDLogits(
        units,
        *CODES[name][:2],
        None,
        *CODES[name][2:],
        bias_initializer="normal",
    )


def language_model(name):
    """Returns the language model; its embedding has codes if all does."""
    keras.utils.set_random_seed(0)
    if name.startswith("tied"):
        embedding = kd_keras.KDEmbedding(WORDS, HIDDEN, 16, 32)
        output = kd_keras.KDLogits(
            embedding=embedding, bias_initializer="normal"
        )
    else:
        embedding = kd_keras.KDEmbedding(WORDS, HIDDEN, 50, 10)
        output = output_layer(name, WORDS)
    return build_language_model(
        CONFIGURATION, embedding, WORDS, BATCH, STEPS, output=output
    )


NAMES = ("Dense", *CODES)
MODELS = (*NAMES, "tied, linear, K = 16, D = 32")


def step_times(rounds, steps, seed):
    """Returns seconds of training steps by the name of the output layer."""
    rng = np.random.default_rng(seed)
    often = 1 / np.arange(1, WORDS + 1)
    ids = rng.choice(WORDS, (2, BATCH * steps, STEPS), p=often / often.sum())
    models, seconds = {}, {name: [] for name in MODELS}
    for name in MODELS:
        models[name] = language_model(name)
        compile_language_model(models[name], CONFIGURATION)
    for turn in range(1 + rounds):
        for name, model in models.items():
            times = StepTimes()
            model.fit(
                *ids.astype("int32"),
                BATCH,
                shuffle=False,
                verbose=0,
                callbacks=[times],
            )
            if turn > 0:  # the first compiles
                seconds[name] += times.seconds[1:]
    return seconds


def call_times(files, call, rounds):
    """Returns seconds of calls by the name of the output layer."""
    loaded = {name: kd_keras.load_litert(path) for name, path in files.items()}
    seconds = {name: [] for name in files}
    for turn in range(1 + rounds):
        for name, model in loaded.items():
            for _ in range(CALLS if turn else 3):
                begin = time.perf_counter()
                call(model)
                if turn:
                    seconds[name].append(time.perf_counter() - begin)
    return seconds


def write(model, path, **options):
    """Exports without the comparison with Keras, which takes minutes."""
    check, parity.check_parity = parity.check_parity, lambda *_: None
    try:
        return kd_keras.export_litert(
            model, path, quantization="int8", **options
        )
    finally:
        parity.check_parity = check


def layer_file(name, units, n, d, path):
    ids = keras.Input((n,), 1, dtype="int32", name="token_ids")
    # An export has ids; these select one of two hidden states.
    hidden = keras.layers.Embedding(2, d, name="hidden")(ids)
    return write(keras.Model(ids, output_layer(name, units)(hidden)), path)


def summary(seconds):
    baseline = np.median(seconds["Dense"])
    return {
        name: {
            "milliseconds": 1000 * float(np.median(times)),
            "least_milliseconds": 1000 * float(np.min(times)),
            "ratio": float(np.median(times) / baseline),
        }
        for name, times in seconds.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6, help="per round")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--training", action="store_true")
    args = parser.parse_args()
    console = Console()
    results = {"d": HIDDEN}

    def show(title, rows):
        table = Table("output layer", "ms", "least", "ratio", title=title)
        for name, row in rows.items():
            table.add_row(name, *(f"{x:.3f}" for x in list(row.values())[:3]))
        console.print(table)

    if args.training:
        results["training_step"] = summary(
            step_times(args.rounds, args.steps, args.seed)
        )
        show("training step", results["training_step"])
        print(write_results("output_layer_step", results, args.seed))
        return
    with tempfile.TemporaryDirectory() as folder:
        results["layer"] = []
        for case, (units, n, d) in enumerate(LAYERS):
            files, sizes = {}, {}
            for name in NAMES:
                path = Path(folder, f"{case}-{NAMES.index(name)}.tflite")
                sizes[name] = layer_file(name, units, n, d, path).total
                files[name] = path
            ids = np.zeros((1, n), np.int32)
            rows = summary(
                call_times(
                    files,
                    lambda model, ids=ids: model.run(
                        "serving_default", token_ids=ids
                    ),
                    args.rounds,
                )
            )
            for name, size in sizes.items():
                rows[name]["bytes"] = size
            sizes = {"N": units, "states": n, "d": d}
            results["layer"].append({**sizes, "rows": rows})
            title = f"layer alone, N = {units:,}, d = {d}, {n} hidden states"
            show(title, rows)
            for path in files.values():
                path.unlink()
        files, parts = {}, {}
        for name in MODELS:
            path = Path(folder, f"model-{MODELS.index(name)}.tflite")
            model = streaming_model(language_model(name))
            parts[name] = write(model, path, sequence_length=STEPS)
            files[name] = path
        rows = summary(
            call_times(
                files, lambda model: model.step(7, model.start()), args.rounds
            )
        )
        for name, report in parts.items():
            rows[name] |= {"bytes": report.total, "parts": report.parts}
        results["token"] = rows
        show("streamed token", rows)
    print(write_results("output_layer", results, args.seed))


if __name__ == "__main__":
    main()
