"""The tables that the benchmarks of code learning share."""

from pathlib import Path

import kd_keras

PTB = Path(__file__).parent.parent / "saved_models" / "ptb_small_200.npz"


def read_tables(glove):
    """Reads the vectors of the tables by name.

    Args:
        glove: str or None. File of the 10,000 x 50 GloVe table.

    Returns:
        Dictionary of arrays of float32: `"glove"`, if it was given, and
        `"ptb"`, the table of the Penn Treebank language model, which is in this
        repository.
    """
    files = {"glove": glove, "ptb": PTB}
    return {
        name: kd_keras.read_vectors(file).vectors
        for name, file in files.items()
        if file
    }
