"""The tables that the benchmarks of code learning share."""

from pathlib import Path

import kd_keras

PTB = Path(__file__).parent.parent / "saved_models" / "ptb_small_200.npz"


def read_tables(glove):
    """Reads the vectors of the tables by name.

    Args:
        glove: The file of the 10,000 x 50 GloVe table, or None without it.

    Returns:
        Dictionary of float32 arrays: "glove", if it was given, and "ptb", the
        table of the Penn Treebank language model, which ships with the
        package.
    """
    files = {"glove": glove, "ptb": PTB}
    return {
        name: kd_keras.read_vectors(file).vectors
        for name, file in files.items()
        if file
    }
