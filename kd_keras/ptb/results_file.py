"""The rows of finished trainings, in one JSON file for each configuration.

`{"rows": [...]}`, a row a training:

- `code_learning`: "none" (conventional), "random", "linear", "lstm",
  "concat", or "task"; `relearning`: the composition of the model, "none" for
  conventional; `K`, `D`, `code_dim`: null where there are none.
- `lstm_rate`: learning rate of U and b of an LSTM composition, as a share of
  the model's; null for the others.
- `train_perplexity`, `valid_perplexity_by_epoch`: lists.
- `valid_perplexity`, `test_perplexity`: at the epoch that is best on the
  validation text.
- `embedding_parameters`: as the paper counts, codes as N * D integers.
- `embedding_bytes`: N * ceil(D * b / 8) bytes of packed codes and 4 bytes a
  float; 4 * N * d of a conventional table.
- `seconds_per_epoch`: of the training steps, median of the epochs.
- `seed`, `warm_start`, `backend`, `precision`, `model`, `epochs`, `strategy`,
  `replicas`, `command`, `versions`, `machine`.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from kd_keras.ptb.run_folder import read_json, write_json
from kd_keras.utils.errors import BadInputError

Row = dict[str, Any]

# What tells two trainings apart.
KEY = (
    "model", "code_learning", "relearning", "K", "D", "code_dim",
    "lstm_rate", "warm_start", "seed", "backend", "precision", "epochs",
)  # fmt: skip


def read_rows(path: str | os.PathLike[str]) -> list[Row]:
    """Reads the rows; none if the file is not there.

    Raises:
        BadInputError: If the file is not one of rows.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        rows = read_json(path)["rows"]
        for row in rows:
            row_key(_completed(row))
    except (KeyError, TypeError, AttributeError):
        raise BadInputError(
            f'{path} is no file of results. Expected: {{"rows": [...]}} as '
            "`kd-keras ptb train` writes it"
        ) from None
    return rows


def add_row(path: str | os.PathLike[str], row: Row) -> list[Row]:
    """Adds a row to the file, in place of one of the same training.

    Returns:
        All rows.

    Raises:
        BadInputError: If the file cannot be read or written.
    """
    path = Path(path)
    key = row_key(_completed(row))
    rows = [r for r in read_rows(path) if row_key(r) != key]
    rows.append(row)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"rows": rows})
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be written: {error.strerror}"
        ) from None
    return rows


def check_writable(path: str | os.PathLike[str]) -> None:
    """Checks that rows can be written, before hours of training.

    Raises:
        BadInputError: If the file cannot be made or replaced.
    """
    folder = next(p for p in Path(path).absolute().parents if p.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be written: {error.strerror}"
        ) from None


def _completed(row: Row) -> Row:
    """Adds what rows have not of before it could be chosen."""
    row.setdefault("lstm_rate", 1.0 if row["relearning"] == "lstm" else None)
    return row


def row_key(row: Row) -> tuple:
    """Gives what tells this row's training from others."""
    return tuple(row[name] for name in KEY)
