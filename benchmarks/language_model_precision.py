"""Perplexity and time of the language model in float32 and mixed bfloat16.

Trains the small conventional model on the beginning of the Penn Treebank, from
the same weights on the same batches. The precisions take turns, some steps
each, so that a busy machine slows both.

    python benchmarks/language_model_precision.py --data-dir FOLDER
"""

import argparse

import keras
import numpy as np
from language_model_step import BATCH, CONFIGURATION, HIDDEN, STEPS
from record import write_results
from rich.console import Console
from rich.table import Table
from step_time import StepTimes

from kd_keras.datasets.ptb.batches import cut_batches
from kd_keras.datasets.ptb.corpus import read_corpus
from kd_keras.language_model.model import (
    build_language_model,
    compile_language_model,
    uniform_initializers,
)

PRECISIONS = ("float32", "mixed_bfloat16")


def language_model(precision, words, seed):
    """Builds the model with which `kd-keras ptb train --precision` begins."""
    keras.config.set_dtype_policy(precision)
    uniform = uniform_initializers(CONFIGURATION, seed)
    embedding = keras.layers.Embedding(words, HIDDEN, uniform())
    model = build_language_model(
        CONFIGURATION, embedding, words, BATCH, STEPS, seed + 1
    )
    compile_language_model(model, CONFIGURATION)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=50, help="per round")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    corpus = read_corpus(args.data_dir)
    train, valid = (
        cut_batches(text, BATCH, STEPS) for text in (corpus.train, corpus.valid)
    )
    rows = args.rounds * args.steps * BATCH
    inputs, targets = (part[:rows] for part in train)
    words = len(corpus.vocabulary)
    models = {p: language_model(p, words, args.seed) for p in PRECISIONS}
    perplexities = {precision: [] for precision in models}
    seconds = {precision: [] for precision in models}
    for begin in range(0, rows, args.steps * BATCH):
        part = slice(begin, begin + args.steps * BATCH)
        for precision, model in models.items():
            times = StepTimes()
            history = model.fit(
                inputs[part],
                targets[part],
                BATCH,
                shuffle=False,  # the state is carried on
                verbose=0,
                callbacks=[times],
            ).history
            perplexities[precision] += history["perplexity"]
            seconds[precision] += times.seconds[1:]  # the first compiles
            print(precision, perplexities[precision][-1], flush=True)
    table = Table("precision", "train, last round", "valid", "ms a step")
    results = []
    for precision, model in models.items():
        model.reset_state()
        logs = model.evaluate(*valid, BATCH, verbose=0, return_dict=True)
        row = {
            "precision": precision,
            "train_perplexity": perplexities[precision],
            "valid_perplexity": logs["perplexity"],
            "milliseconds": 1000 * float(np.median(seconds[precision])),
        }
        results.append(row)
        table.add_row(
            precision,
            f"{perplexities[precision][-1]:.1f}",
            f"{row['valid_perplexity']:.1f}",
            f"{row['milliseconds']:.1f}",
        )
    Console().print(table)
    results = {"model": "small", "steps": rows // BATCH, "rows": results}
    results["backend"] = keras.backend.backend()
    print(write_results("language_model_precision", results, args.seed))


if __name__ == "__main__":
    main()
