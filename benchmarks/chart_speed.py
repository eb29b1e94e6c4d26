"""Look-ups a second and seconds to encode, for forms of `chart.py`.

The files are made as for the chart, of at most 10,000 rows of a table. Each is
read by LiteRT on one thread, in turns, so that a busy machine slows all of
them; a call has 20 new ids. To encode is to find the codes of these rows when
the code embeddings or codebooks are there, as for new symbols:
`KDEmbedding.encode` with the effort that learned them, and `index.add` of
faiss.

    python benchmarks/chart_speed.py
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import faiss
import keras
import numpy as np
from chart_methods import EFFORT, embedding_of, quantized
from chart_tables import TABLES
from on_device import LookUp
from record import measured_now, write_results
from task_figure import rows_of

import kd_keras
from kd_keras.utils.cores import usable_cores
from kd_keras.utils.experiment_record import circumstances

NAME = "chart_speed"
IDS, ROUNDS, CALLS = 20, 15, 300
ENCODED, REPEATS = 10_000, 3
RECIPE = "dynamic_wi4_afp32", "MIN_MAX_UNIFORM_QUANT"
CODES = (
    {"K": 16, "D": 16},
    {"K": 16, "D": 32},
    {"K": 256, "D": 8},
    {"K": 16, "D": 16, "composition": "concat"},
)
FAISS = ("PQ8", "OPQ8_{even},PQ8", "RQ8x8")


def write_files(vectors, layers, folder):
    """Writes a `.tflite` file for each form; returns their paths by name."""
    d = vectors.shape[1]
    low = kd_keras.ReducedEmbedding.from_table(vectors, width=d // 4)
    forms = {
        "float32": (embedding_of(vectors), None),
        "int8": (embedding_of(vectors), "int8"),
        f"low rank {d // 4}, int8": (
            keras.Sequential([keras.Input((), dtype="int32"), low]),
            "int8",
        ),
    } | {name: (layer, "int8") for name, layer in layers.items()}
    paths = {}
    for name, (layer, quantization) in forms.items():
        paths[name] = folder / f"{len(paths)}.tflite"
        kd_keras.export_litert(layer, paths[name], None, quantization)
    paths["int4 by row"] = folder / "int4.tflite"
    paths["int4 by row"].write_bytes(quantized(vectors, *RECIPE))
    return paths


def microseconds(paths, N):
    """Returns the medians of a call of `IDS` ids, by name."""
    look_ups = {name: LookUp(path, IDS) for name, path in paths.items()}
    generator = np.random.default_rng(0)
    for _ in range(ROUNDS):
        ids = generator.integers(0, N, (CALLS, IDS), dtype=np.int32)
        for look_up in look_ups.values():
            look_up.round(ids)
    return {
        name: statistics.median(look_up.microseconds)
        for name, look_up in look_ups.items()
    }


def seconds_of(encode):
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        encode()
        taken.append(time.perf_counter() - began)
    return round(statistics.median(taken), 3)


def faiss_seconds(vectors, factory):
    index = faiss.index_factory(vectors.shape[1], factory)
    index.train(vectors)

    def encode():
        index.reset()
        index.add(vectors)

    return seconds_of(encode)


def measure(name, vectors):
    N, d = vectors.shape
    rows, layers = [], {}
    for options in CODES:
        if "composition" in options and d % options["D"]:
            continue
        form = "codes, K = {K}, D = {D}, {composition}".format(
            **{"composition": "linear"} | options
        )
        layer = kd_keras.learn_codes(
            vectors, effort=EFFORT, verbose=0, **options
        )
        layers[form] = layer
        encode = seconds_of(lambda x=layer: x.encode(vectors, effort=EFFORT))
        rows.append({"form": form, "encode_seconds": encode})
    for kind in FAISS:
        if kind.startswith("PQ") and d % 8:
            continue
        factory = kind.format(even=d - d % 8)
        seconds = faiss_seconds(vectors, factory)
        rows.append({"form": f"faiss {factory}", "encode_seconds": seconds})
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(vectors, layers, Path(folder))
        taken = microseconds(paths, N)
        sizes = {x: path.stat().st_size for x, path in paths.items()}
    by_form = {row["form"]: row for row in rows}
    for form, time_taken in taken.items():
        row = by_form.setdefault(form, {"form": form})
        row["bytes_per_symbol"] = round(sizes[form] / N, 2)
        row["microseconds"] = round(time_taken, 2)
        row["look_ups_per_second"] = round(IDS / time_taken * 1e6)
    processor = circumstances()["machine"]["processor"]
    about = measured_now() | {"processor": processor}
    return [{"table": name} | row | about for row in by_form.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tables", nargs="*", choices=TABLES, default=["glove", "ptb"]
    )
    given = parser.parse_args()
    faiss.omp_set_num_threads(usable_cores())
    rows = rows_of(NAME)
    for name in given.tables:
        vectors = TABLES[name]()
        if vectors is None:
            continue
        rows = [row for row in rows if row["table"] != name]
        rows += measure(name, vectors[:ENCODED])
        write_results(NAME, {"ids_of_a_call": IDS, "rows": rows}, 0)
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
