"""The rows of finished training runs, one JSON file per configuration.

The file is `{"rows": [...]}` with one row per training run:

- `code_learning`: "none" (conventional), "random", "linear", "lstm",
  "concat" or "task"; `relearning`: the composition of the model, "none" for
  conventional; `K`, `D`, `code_dim`: null if there are none.
- `output_layer`: "dense", "codes" or "tied"; `output_code_learning`,
  `output_composition`, `output_K`, `output_D`, `output_code_dim`: the same of
  an output layer with codes of its own; null for others.
- `count_power`, `output_count_power`: with which power of the words' counts
  errors counted when the codes were learned; null for all alike.
- `lstm_rate`: learning rate of U and b of an LSTM composition, as a fraction
  of the model's; null for the others.
- `train_perplexity`, `valid_perplexity_by_epoch`: lists.
- `valid_perplexity`, `test_perplexity`: at the epoch with the best validation
  perplexity.
- `embedding_parameters`: the paper's count, with codes as N * D integers.
- `embedding_bytes`: N * ceil(D * b / 8) bytes of packed codes plus 4 bytes per
  float; 4 * N * d for a conventional table.
- `output_parameters`, `output_bytes`: the same of what the output layer adds,
  without its bias.
- `seconds_per_epoch`: time of the training steps, median over the epochs.
- `tuned`: whether the run went on from a trained one and was distilled from it
  (`kd-keras ptb tune`).
- `text`: the digest of the text, see `Corpus.digest`; null in older rows of a
  text that is not the Penn Treebank.
- `seed`, `warm_start`, `backend`, `precision`, `model`, `epochs`, `strategy`,
  `replicas`, `command`, `versions`, `machine`.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from kd_keras.datasets.ptb.corpus import PENN_TREEBANK
from kd_keras.ptb.json_file import read_json, write_json
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.folder_lock import folder_lock

Row = dict[str, Any]

# The fields that distinguish two training runs.
KEY = (
    "model", "code_learning", "relearning", "K", "D", "code_dim",
    "lstm_rate", "warm_start", "tuned", "seed", "backend", "precision",
    "epochs", "output_layer", "output_code_learning", "output_composition",
    "output_K", "output_D", "output_code_dim", "count_power",
    "output_count_power", "text",
)  # fmt: skip


def read_rows(path: str | os.PathLike[str]) -> list[Row]:
    """Reads the rows of a results file.

    Args:
        path: path. The file.

    Returns:
        list of dict. The rows; empty if the file does not exist.

    Raises:
        BadInputError: If the file is not a results file.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        rows = read_json(path)["rows"]
        is_valid = isinstance(rows, list) and all(
            _is_row(_completed(row)) for row in rows
        )
    except (KeyError, TypeError, AttributeError):
        is_valid = False
    if not is_valid:
        raise BadInputError(
            f'{path} is not a results file. Expected: {{"rows": [...]}}, as '
            "written by `kd-keras ptb train`"
        )
    return rows


def add_row(path: str | os.PathLike[str], row: Row) -> list[Row]:
    """Adds a row to a results file, replacing a row of the same training run.

    Args:
        path: path. The file.
        row: dict. The row.

    Returns:
        list of dict. All rows.

    Raises:
        BadInputError: If the file cannot be read or written.
    """
    path = Path(os.path.realpath(path))
    key = row_key(_completed(row))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Runs that end at the same time add their rows one after the other.
        with folder_lock(path, wait=True):
            rows = [r for r in read_rows(path) if row_key(r) != key]
            rows.append(row)
            write_json(path, {"rows": rows})
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be written: {error.strerror}"
        ) from None
    return rows


def check_writable(path: str | os.PathLike[str]) -> None:
    """Checks that rows can be written, before hours of training.

    Args:
        path: path. The results file.

    Raises:
        BadInputError: If the file cannot be created or replaced.
    """
    folder = next(p for p in Path(path).absolute().parents if p.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be written: {error.strerror}"
        ) from None


def _is_row(row: Row) -> bool:
    """Returns whether the fields that Table 1 shows have their types."""
    curves = [row["train_perplexity"], row["valid_perplexity_by_epoch"]]
    sizes = [row["embedding_parameters"], row["embedding_bytes"]]
    perplexities = [row["valid_perplexity"], row["test_perplexity"]]
    optional = [row[name] for name in ("K", "D", "code_dim")]
    return (
        all(isinstance(curve, list) for curve in curves)
        and len(curves[0]) == len(curves[1]) >= 1
        and all(map(_is_number, [*curves[0], *curves[1], *perplexities]))
        and all(type(size) is int and size >= 1 for size in sizes)
        and all(n is None or (type(n) is int and n >= 1) for n in optional)
        and (row["lstm_rate"] is None or _is_number(row["lstm_rate"]))
        and (row["lstm_rate"] is None or row["D"] is not None)
        and isinstance(row["code_learning"], str)
        and isinstance(row["relearning"], str)
        and hash(row_key(row)) is not None  # an error if there is a list
    )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _completed(row: Row) -> Row:
    """Adds fields that are missing in rows from older versions."""
    row.setdefault("lstm_rate", 1.0 if row["relearning"] == "lstm" else None)
    row.setdefault("output_layer", "dense")
    row.setdefault("tuned", False)
    is_own = "--any-text" in (row.get("command") or "")
    row.setdefault("text", None if is_own else PENN_TREEBANK)
    row.setdefault("count_power", None)
    for name in KEY:
        if name.startswith("output_"):
            row.setdefault(name, None)
    return row


def row_key(row: Row) -> tuple[Any, ...]:
    """Returns the values that distinguish this row's training run from others.

    Args:
        row: dict. The row.

    Returns:
        tuple. The values of `KEY`.
    """
    return tuple(row[name] for name in KEY)
