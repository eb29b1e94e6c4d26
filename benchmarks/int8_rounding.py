"""What rounding code embeddings to int8 adds to the error of a table.

With one scale for a position, and with the scales of `round_rows`, which an
exported file has. `python benchmarks/int8_rounding.py` writes
`results/int8_rounding.json`.
"""

import numpy as np
from chart import TABLES
from record import write_results

import kd_keras
from kd_keras.export.litert.rounded_rows import MOST, round_rows

EFFORT = 0.2
SIZES = {
    "glove": ((16, 16), (256, 8), (256, 16)),
    "ptb": ((16, 32), (256, 16)),
}


def one_scale(table):
    """Rounds with a scale for each position; returns the values."""
    scales = np.abs(table).max(axis=(1, 2), keepdims=True) / MOST
    return np.round(table / scales) * scales


def own_scales(table):
    numbers, positions, rows = round_rows(table)
    values = numbers.reshape(table.shape) * positions[:, None, None]
    return values if rows is None else values * rows.reshape(len(table), -1, 1)


def main():
    rows = []
    for name, sizes in SIZES.items():
        vectors = TABLES[name]()
        if vectors is None:
            continue
        spread = np.linalg.norm(vectors - vectors.mean(axis=0))
        for K, D in sizes:
            layer = kd_keras.learn_codes(
                vectors, K, D, effort=EFFORT, verbose=0
            )
            table = layer.composition.code_embeddings.numpy()
            codes = np.asarray(layer.codes)

            def error(values, codes=codes, vectors=vectors, spread=spread):
                sums = sum(v[c] for v, c in zip(values, codes.T, strict=True))
                return round(float(np.linalg.norm(vectors - sums) / spread), 5)

            lengths = np.linalg.norm(table, axis=2)
            rows.append(
                {
                    "table": name,
                    "K": K,
                    "D": D,
                    "float32": error(table),
                    "one_scale_per_position": error(one_scale(table)),
                    "own_scales": error(own_scales(table)),
                    "longest_by_median": round(
                        float((lengths.max(1) / np.median(lengths, 1)).max()), 1
                    ),
                }
            )
            print(rows[-1], flush=True)
            write_results("int8_rounding", {"effort": EFFORT, "rows": rows}, 0)


if __name__ == "__main__":
    main()
