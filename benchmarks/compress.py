"""`compress` to shares of the file, on the tasks of `tasks.py`.

Each budget is a share of the int8 file with the whole tables. A row tells the
bytes of the file, the forms of the tables, the quality on test data of the
model before and after, and the loss on validation data before, with new tables,
and after the training. Cells that the results file has are not measured again.

    python benchmarks/compress.py --data-dir data --seeds 0 1 2 3 4

The figure compares with the rows of `results/tasks.json`.
"""

import time

import keras
from compress_figure import draw, show
from record import RESULTS, measured_now, write_results
from task_figure import key_of, rows_of
from task_methods import TUNED, trained
from tasks import exported_bytes, make_task, parser_of

from kd_keras.compression.compress import compress_model

NAME = "compress"
SHARES = (0.333, 0.167, 0.083, 0.05)


def measure(task, seed, share):
    model = trained(task, seed)
    before = task.quality(model)
    keras.utils.set_random_seed(seed)
    began = time.perf_counter()
    data, validation = task.data
    found = compress_model(
        model,
        f"{100 * share}%",
        data,
        validation_data=validation,
        seed=seed,
        effort=TUNED,
        verbose=0,
    )
    seconds = time.perf_counter() - began
    return {
        "budget": found.plan.budget,
        "bytes": exported_bytes(found.model),
        "forms": [str(t.form) for t in found.plan.tables],
        "before": round(before, 3),
        "validation": {
            x: round(y["loss"], 4) for x, y in found.measured.items()
        },
        "quality": round(task.quality(found.model), 3),
        "measure": task.measure,
        **{x: round(y, 3) for x, y in task.also(found.model).items()},
        "seconds": round(seconds, 1),
        **measured_now(),
    }


def main():
    args = parser_of(__doc__).parse_args()
    rows = rows_of(NAME)
    for seed in args.seeds:
        for name in args.tasks:
            task = None
            for share in SHARES:
                row = {"task": name, "seed": seed, "method": NAME}
                row["share"] = share
                if key_of(row) in map(key_of, rows):
                    continue
                task = task or make_task(name, args.data_dir, seed)
                rows.append(row | measure(task, seed, share))
                print(rows[-1], flush=True)
                write_results(NAME, {"rows": rows})
    show(rows, rows_of("tasks"))
    draw(rows, rows_of("tasks"), RESULTS / f"{NAME}.png")


if __name__ == "__main__":
    main()
