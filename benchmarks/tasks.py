"""Quality in use against the bytes of the file, for codes and for their rivals.

Every model is trained, made small by one method, and exported to an int8
`.tflite` file, whose bytes are read. The quality is that of the Keras model on
test data; rounding to int8 changes it little. Cells that the results
file has are not measured again; rows of one method and size over the seeds are
what a mean is made of. `compress` has a script of its own, `compress.py`, on
the same models.

    python benchmarks/tasks.py --data-dir data --seeds 0 1 2 3 4

`data` has the folders `text` (TREC.train.all, TREC.test.all, subj.all and
rt-polarity.all), `movielens_small` (ratings.csv) and `glove` (vectors of 50
numbers).
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import keras
import tensorflow as tf
from record import RESULTS, measured_now, write_results
from task_data import recommender_task, text_task
from task_figure import draw, key_of, rows_of, show
from task_methods import METHODS

import kd_keras
from kd_keras.export.litert.quiet_litert import quiet_litert
from kd_keras.layers.find_layers import coded_layers

NAME = "tasks"
# Shares of the symbols: that keep a vector, of bins, and of the tiers' ends.
COMMON = (
    {"method": "table"},
    *({"method": "rounded", "bits": bits} for bits in (4, 2)),
    *({"method": "cut", "share": x} for x in (0.3, 0.15, 0.07, 0.03, 0.01)),
    *({"method": "hashing", "share": x} for x in (0.15, 0.05)),
    *({"method": "quotient_remainder", "share": x} for x in (0.15, 0.05)),
    *(
        {"method": "codes", "K": 16, "D": D} | more
        for D, more in (
            (16, {}),
            (16, {"counted": False}),
            (8, {}),
            ((16, 8, 0), {"tiers": (0.1, 0.35)}),
            ((16, 0), {"tiers": (0.3,)}),
            ((8, 0), {"tiers": (0.3,)}),
            ((8, 0), {"tiers": (0.1,)}),
        )
    ),
    {"method": "random_codes", "K": 16, "D": 16},
    {"method": "learned", "K": 16, "D": 16},
    {"method": "learned", "K": 16, "D": 8},
    {"method": "unfrozen", "K": 16, "D": 16},
    {"method": "unfrozen", "K": 16, "D": 8},
)
OF_TEXTS = (
    *COMMON,
    *({"method": "smaller", "d": d} for d in (16, 10, 6, 3)),
    *({"method": "low_rank", "rank": rank} for rank in (16, 8, 4)),
)
OF_RATINGS = (
    *COMMON,
    *({"method": "smaller", "d": d} for d in (16, 8, 4, 2)),
    *({"method": "low_rank", "rank": rank} for rank in (16, 8, 4)),
    {"method": "codes", "K": 16, "D": 16, "code_dim": 16},
    {"method": "learned", "K": 16, "D": 16, "code_dim": 16},
    {
        "method": "codes", "K": 16, "D": (16, 8, 0), "tiers": (0.2, 0.6),
        "code_dim": 16,
    },
)  # fmt: skip


def make_task(name, data, seed):
    texts, glove = data / "text", next((data / "glove").iterdir())
    if name == "trec":
        files = [texts / "TREC.train.all", texts / "TREC.test.all"]
        return text_task(files, "convolution", None, seed)
    if name == "subj":
        return text_task([texts / "subj.all"], "lstm", glove, seed)
    if name == "mr":
        return text_task(
            [texts / "rt-polarity.all"], "convolution", glove, seed
        )
    return recommender_task(data / "movielens_small" / "ratings.csv", seed)


TASKS = {
    "mr": OF_TEXTS,
    "trec": OF_TEXTS,
    "movies": OF_RATINGS,
    "subj": (
        *OF_TEXTS,
        {"method": "unfrozen", "K": 16, "D": 16, "last_rate": 2e-4},
    ),
}


def exported_bytes(model):
    """Returns the bytes of an int8 `.tflite` file as this package writes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        # A rival may lose more by int8 than an export allows.
        return kd_keras.export_litert(
            model, path, quantization="int8", tolerance=1
        ).total


def converted_bytes(model):
    """Returns the bytes of an int8 `.tflite` file as a user would write it."""
    with tempfile.TemporaryDirectory() as folder, quiet_litert():
        model.export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return len(converter.convert())


def measure(task, cell, seed):
    keras.utils.set_random_seed(seed)
    options = {x: y for x, y in cell.items() if x != "method"}
    began = time.perf_counter()
    made = METHODS[cell["method"]](task, seed, **options)
    model, saved = made if isinstance(made, tuple) else (made, 0)
    seconds = time.perf_counter() - began
    # TensorFlow's converter alone refuses an LSTM that reads any batch.
    ours = bool(coded_layers(model)) or task.is_recurrent
    size = exported_bytes(model) if ours else converted_bytes(model)
    return {
        "bytes": size - saved,
        "writer": "export_litert" if ours else "TFLiteConverter",
        "quality": round(task.quality(model), 3),
        "measure": task.measure,
        **{x: round(y, 3) for x, y in task.also(model).items()},
        "seconds": round(seconds, 1),
        **measured_now(),
    }


def parser_of(description):
    """Returns a parser of the arguments that scripts on the tasks share."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data-dir", required=True, type=Path)
    seeds = {"type": int, "nargs": "+", "default": [0, 1, 2, 3, 4]}
    parser.add_argument("--seeds", **seeds)
    parser.add_argument(
        "--tasks", nargs="+", choices=TASKS, default=list(TASKS)
    )
    return parser


def main():
    parser = parser_of(__doc__)
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=list(METHODS)
    )
    args = parser.parse_args()
    rows = rows_of(NAME)
    known = {key_of(row) for row in rows}
    for seed in args.seeds:
        for name in args.tasks:
            task = None
            for cell in TASKS[name]:
                if cell["method"] not in args.methods:
                    continue
                row = {"task": name, "seed": seed} | cell
                if key_of(json.loads(json.dumps(row))) in known:
                    continue
                task = task or make_task(name, args.data_dir, seed)
                row |= measure(task, cell, seed)
                print(row, flush=True)
                rows.append(json.loads(json.dumps(row)))
                write_results(NAME, {"rows": rows})
    rows += rows_of("compress")
    for name in args.tasks:
        show(rows, name)
    draw(rows, RESULTS / f"{NAME}.png")


if __name__ == "__main__":
    main()
