"""Codes in the place of a trained output layer, and what weights are worth.

The table of the output layer of a trained Penn Treebank model is replaced by
codes; nothing is trained after that. The error of a word counts as often as the
word occurs in the training text, to a power: 0 counts all words alike. Told is
the perplexity on the validation text, for the dense layer and for each cell.
Cells that the results file has are not measured again.

    python benchmarks/output_codes.py ptb-runs/small-conventional-seed0 \\
        --data-dir ptb
"""

import argparse
import json

import keras
import numpy as np
from record import RESULTS, write_results
from rich.console import Console
from rich.table import Table

import kd_keras
from kd_keras.datasets.ptb.batches import cut_batches
from kd_keras.datasets.ptb.corpus import read_corpus
from kd_keras.language_model.copies import copy_language_model
from kd_keras.language_model.evaluation import load_streaming_model

# composition, K, D, code_dim, power of the counts, tiers
CELLS = (
    ("linear", 256, 8, None, 0.5, None),
    ("concat", 256, 25, None, 0.5, None),
    ("linear", 64, 16, None, 0.5, None),
    ("linear", 16, (64, 32, 16), None, 0.5, (1000, 4000)),
    *(("linear", 16, 32, None, power, None) for power in (0.5, 0.0, 1.0)),
)
FIELDS = ("composition", "K", "D", "code_dim", "power", "tiers")
BATCH, STEPS = 20, 20
NAME = "output_codes"


def coded_output(layer, counts, cell, seed, effort):
    composition, K, D, code_dim, power, tiers = cell
    learned = kd_keras.learn_codes(
        layer.kernel.numpy().T,
        K,
        D,
        composition=composition,
        code_dim=code_dim,
        seed=seed,
        effort=effort,
        weights=counts**power,
        tiers=tiers,
    )
    return kd_keras.KDLogits.from_embedding(learned, layer.bias)


def perplexity(model, text):
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        loss_weights=float(STEPS),
    )
    found = model.evaluate(*text, BATCH, verbose=0, return_dict=True)
    return found["perplexity"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a folder written by `kd-keras ptb train`")
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effort", type=float, default=1.0)
    args = parser.parse_args()
    corpus = read_corpus(args.data_dir)
    counts = np.bincount(corpus.train, minlength=len(corpus.vocabulary)) + 0.5
    text = cut_batches(corpus.valid, BATCH, STEPS)
    model = load_streaming_model(f"{args.run}/model.keras")
    path = RESULTS / f"{NAME}.json"
    cells = json.loads(path.read_text())["cells"] if path.exists() else []

    def measure(output, row):
        copy = copy_language_model(model, BATCH, STEPS, output=output)
        row = row | {"valid_perplexity": perplexity(copy, text)}
        cells.append(row)
        write_results(NAME, {"cells": cells}, args.seed)

    if not cells:
        measure(None, {"output_layer": "dense"})
    for cell in CELLS:
        row = dict(zip(FIELDS, cell, strict=True))
        row |= {"seed": args.seed, "effort": args.effort}
        row = json.loads(json.dumps(row))  # as it is in the file
        if any(row.items() <= known.items() for known in cells):
            continue
        layer = model.get_layer("output")
        output = coded_output(layer, counts, cell, args.seed, args.effort)
        row["int8_bytes"] = kd_keras.embedding_bytes(
            *layer.kernel.shape[::-1],
            *cell[1:4],
            cell[0],
            bytes_per_float=1,
            tiers=cell[-1],
        ).total
        measure(output, row)
    table = Table(*FIELDS, "bytes", "valid perplexity")
    for row in cells:
        texts = [row.get(x) for x in (*FIELDS, "int8_bytes")]
        shown = ["" if x is None else str(x) for x in texts]
        table.add_row(*shown, f"{row['valid_perplexity']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
