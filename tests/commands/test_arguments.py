"""The arguments of a table, and what a file says of it unread."""

import shlex

import numpy as np
import pytest

from kd_keras.commands.arguments import Arguments
from kd_keras.vectors.stored_table import stored_dtype


@pytest.mark.parametrize(
    "dtype, name", [("f2", "table.npz"), ("f8", "table.npy"), (None, "t.txt")]
)
def test_precision_is_read_from_headers(tmp_path, vectors, dtype, name):
    path = tmp_path / name
    if name.endswith("npz"):
        np.savez_compressed(path, aaa=[1], vectors=vectors.astype(dtype))
    elif dtype:
        np.save(path, vectors.astype(dtype))
    else:
        path.write_text("the 1 2\n")
    assert stored_dtype(path) == (np.dtype(dtype).name if dtype else None)


def test_effort_is_told_to_the_last_digit():
    arguments = Arguments("table.npy", effort=0.123456789)
    words = shlex.split(arguments.command)
    assert float(words[words.index("--effort") + 1]) == 0.123456789
    settings = (Arguments("t.npy", effort=n).settings for n in (1, 1.0))
    assert len({repr(given) for given in settings}) == 1
