"""What each part of `compress` gives, on the questions of TREC.

The same trained models are made small with all parts and without one: counts
of symbols, directions that count by their gradients, other forms than codes
with the comparison of ways, and the training at the end. Cells in the results
file are kept. The accuracy is null where nothing fits into the bytes.

    python benchmarks/compress_ablation.py --data-dir data --seeds 0 1 2
"""

import argparse
import contextlib
from pathlib import Path
from unittest import mock

from record import measured_now, write_results
from task_figure import rows_of
from task_methods import TUNED, trained
from tasks import make_task

import kd_keras
from kd_keras.compression import find_costs, planner, weigh_tables

NAME = "compress_ablation"
SHARES = (0.083, 0.05)
PARTS = {
    "all": (contextlib.nullcontext, {}),
    "no counts": (
        lambda: mock.patch.object(weigh_tables, "set_counts", lambda *_: None),
        {},
    ),
    "no directions": (
        lambda: mock.patch.object(find_costs, "_root", lambda _: None),
        {},
    ),
    "codes alone": (lambda: _codes_alone(), {}),
    "no training": (contextlib.nullcontext, {"tune": False}),
}


@contextlib.contextmanager
def _codes_alone():
    kinds = (planner.CODES,)
    ways = mock.patch.dict(planner.WAYS, {planner.BEST: kinds}, clear=True)
    with ways, mock.patch.object(planner, "KINDS", kinds):
        yield


def measure(task, seed, share, part):
    context, options = PARTS[part]
    model = trained(task, seed)
    try:
        with context():
            small = kd_keras.compress(
                model,
                f"{100 * share}%",
                *task.data,
                seed=seed,
                effort=TUNED,
                verbose=0,
                **options,
            )
    except kd_keras.BadInputError:  # codes alone may not fit
        return None
    return round(task.quality(small), 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True, type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    rows = rows_of(NAME)
    for seed in args.seeds:
        task = make_task("trec", args.data_dir, seed)
        for share in SHARES:
            for part in PARTS:
                cell = {"seed": seed, "share": share, "parts": part}
                if any(cell.items() <= row.items() for row in rows):
                    continue
                quality = measure(task, seed, share, part)
                rows.append(cell | {"accuracy": quality} | measured_now())
                print(rows[-1], flush=True)
                write_results(NAME, {"rows": rows})


if __name__ == "__main__":
    main()
