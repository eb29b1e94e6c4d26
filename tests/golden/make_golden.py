"""Writes files with this release that later releases must load.

    python tests/golden/make_golden.py

This adds `tests/golden/VERSION/`; the folders of earlier releases stay as they
are. `vectors.npz` contains the vectors that each file must return for all ids.
"""

from pathlib import Path

import keras
import numpy as np

import kd_keras

N = 20
WORDS = [f"word-{i}" for i in range(N)]
EMBEDDINGS = {
    "linear": {"K": 6, "D": 4},
    "narrow": {"K": 20, "D": 3, "code_dim": 5},
    "concat": {"K": 16, "D": 2, "composition": "concat"},
    "lstm": {"K": 4, "D": 5, "composition": "lstm", "code_dim": 3},
    "learned": {"K": 5, "D": 3, "codes": "learn"},
}


def main():
    """Writes the folder of this release."""
    folder = Path(__file__).parent / kd_keras.__version__
    folder.mkdir()
    keras.utils.set_random_seed(0)
    vectors = {}
    for name, options in EMBEDDINGS.items():
        embedding = kd_keras.KDEmbedding(N, 8, **options)
        ids = keras.Input((None,), dtype="int32")
        keras.Sequential([ids, embedding]).save(folder / f"{name}.keras")
        vectors[name] = np.asarray(embedding(np.arange(N)))
        kd_keras.export_litert(
            embedding,
            folder / f"{name}.tflite",
            WORDS,
            sequence_length=1 if name == "lstm" else None,
            unknown_id=0,
        )
    np.savez(folder / "vectors.npz", **vectors)


if __name__ == "__main__":
    main()
