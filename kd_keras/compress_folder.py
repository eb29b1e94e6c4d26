"""From a file of vectors to a folder with codes, measurements and a page.

`report.json` holds, in this order:

- `format`: 1.
- `command`: the command line with every option written out; `arguments`, the
  same as a dictionary; `seed`.
- `versions`: of Python and the packages; `platform`.
- `input`: `path`, `sha256`, `bytes`, `found_to_be` (the format), `rows`,
  `dropped` (rows of words that had come before), `notes`.
- `N`, `d`, `K`, `D`, `code_dim`, `composition`, `has_words`.
- `bytes`: see `measure.measure_bytes`. `parameters`: the paper's count, see
  `sizes.parameter_count`; `total` counts codes, `without_codes` does not.
- `error`: see `measure.measure_error`. `neighbours`: see
  `measure.measure_neighbours`. `codes`: see `CodeStatistics`.
- `shared_codes`: the largest groups of symbols that share a code;
  `near_codes`: where no two do, groups that agree in the most positions;
  `examples`. See `symbol_examples`.
- `litert`, with --litert: see `compress_litert`.
- `seconds`: `read`, `learn`, `measure`.
- `files`: the bytes of each file in the folder.
"""

import dataclasses
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_keras import __version__
from kd_keras.code_statistics import code_statistics
from kd_keras.compress_arguments import (
    Arguments,
    as_bad_input,
    check_arguments,
    check_fit,
)
from kd_keras.output_folder import check_output, new_folder
from kd_keras.packing import pack_codes, unpack_codes
from kd_keras.quiet_start import quiet_start
from kd_keras.report.measure import (
    measure_bytes,
    measure_error,
    measure_neighbours,
)
from kd_keras.report.report_file import write_report
from kd_keras.report.symbol_examples import (
    example_symbols,
    near_groups,
    shared_groups,
)
from kd_keras.sizes import parameter_count
from kd_keras.stored_table import file_sha256, stored_dtype
from kd_keras.vectors import WordVectors, read_vectors

if TYPE_CHECKING:
    from kd_keras.decoded_vectors import DecodedVectors

Say = Callable[[str], object]


def compress_folder(
    arguments: Arguments,
    say: Say = lambda line: None,
    progress: Callable[[int, int], object] | None = None,
    verbose: int = 0,
) -> dict[str, Any]:
    """Learns codes for a file of vectors and writes the folder.

    All that can be wrong with the arguments and the file is found before
    Keras is imported. The folder appears complete or not at all.

    Args:
        arguments: An `Arguments`.
        say: Called with a line at the start of each step.
        progress: Called with the bytes read and all bytes while reading.
        verbose: As in `learn_codes`.

    Returns:
        The report, as `report.json` holds it.

    Raises:
        BadInputError: If an argument is wrong.
        VectorFileError: If the file is.
    """
    check_arguments(arguments)
    output = check_output(arguments.folder, arguments.force)
    with new_folder(output, arguments.force) as folder:
        began = time.perf_counter()
        table = read_vectors(
            arguments.vectors, arguments.duplicates, progress=progress
        )
        code_dim = check_fit(arguments, *table.vectors.shape)
        for line in _found(table):
            say(line)
        read = time.perf_counter()
        say("Starting Keras")
        decoded = _learn(arguments, table, folder, say, verbose)
        learned = time.perf_counter()
        words = _words(table)
        say("Measuring")
        report = _heading(arguments, table)
        report |= {"code_dim": code_dim, "composition": arguments.composition}
        report["has_words"] = table.words is not None
        report |= _measure(arguments, table, words, decoded, folder)
        if arguments.litert is not None:
            say("Exporting to LiteRT, every symbol checked")
            with quiet_start():
                from kd_keras.compress_litert import compress_litert

                report["litert"] = compress_litert(
                    decoded.embedding,
                    folder / "embedding.tflite",
                    words,
                    arguments.litert,
                    table.vectors,
                )
        report["seconds"] = {
            "read": round(read - began, 2),
            "learn": round(learned - read, 2),
            "measure": round(time.perf_counter() - learned, 2),
        }
        say(f"Writing {arguments.folder}")
        _write_vocabulary(folder, words)
        write_report(folder, report, decoded.codes)
    return report


def _found(table: WordVectors) -> list[str]:
    """Says what was read, and what a person should know of it."""
    N, d = table.vectors.shape
    lines = [f"Found {N:,} symbols x {d} in {table.format}"]
    if table.dropped:
        lines.append(
            f"Left out {table.dropped:,} rows of words that had come before"
        )
    return lines + [f"Note: {note}" for note in table.notes]


def _learn(
    arguments: Arguments,
    table: WordVectors,
    folder: Path,
    say: Say,
    verbose: int,
) -> "DecodedVectors":
    """Learns codes, writes the model and gives what can be read from it."""
    with quiet_start():
        import keras

        keras.ops.zeros(1)  # starts the devices, with lines of their own

        from kd_keras.decoded_vectors import DecodedVectors
        from kd_keras.learn_codes import learn_codes

    embedding = as_bad_input(
        lambda: learn_codes(
            table.vectors,
            K=arguments.K,
            D=arguments.D,
            composition=arguments.composition,
            code_dim=arguments.code_dim,
            seed=arguments.seed,
            verbose=verbose,
        )
    )
    # Ids of any batch and length, as most models have them.
    ids = keras.Input((None,), dtype="int32", name="ids")
    path = folder / "embedding.keras"
    keras.Sequential([ids, embedding]).save(path)
    # What is measured is what was written.
    return DecodedVectors(keras.saving.load_model(path).layers[0])


def _measure(
    arguments: Arguments,
    table: WordVectors,
    words: Sequence[str],
    decoded: "DecodedVectors",
    folder: Path,
) -> dict[str, Any]:
    N, d = table.vectors.shape
    K, D = arguments.K, arguments.D
    codes = decoded.codes
    np.savez(folder / "codes.npz", codes=pack_codes(codes, K), N=N, D=D, K=K)
    with np.load(folder / "codes.npz", allow_pickle=False) as file:
        packed = file["codes"]
    if not np.array_equal(unpack_codes(packed, K, D), codes):
        raise RuntimeError("codes.npz does not hold the model's codes")
    neighbours, arrays = measure_neighbours(
        table.vectors, decoded, arguments.seed
    )
    np.savez_compressed(folder / "neighbours.npz", **arrays)  # type: ignore[arg-type]
    shared = shared_groups(words, codes)
    return {
        "bytes": measure_bytes(
            N,
            d,
            packed,
            decoded.code_embedding_bytes,
            decoded.composition_bytes,
            stored_dtype(arguments.vectors),
        ),
        "parameters": parameter_count(
            N, d, K, D, arguments.code_dim, arguments.composition
        ).to_dict(),
        "error": measure_error(table.vectors, decoded),
        "neighbours": neighbours,
        "codes": code_statistics(codes, K, seed=arguments.seed).to_dict(),
        "shared_codes": shared,
        "near_codes": [] if shared else near_groups(words, codes),
        "examples": example_symbols(words, codes, arrays),
    }


def _heading(arguments: Arguments, table: WordVectors) -> dict[str, Any]:
    """Returns the part of the report that says what it is a report of."""
    rows = len(table.vectors)
    return {
        "format": 1,
        "command": arguments.command,
        "arguments": dataclasses.asdict(arguments)
        | {"output": arguments.folder},
        "seed": arguments.seed,
        "versions": _versions(),
        "platform": platform.platform(),
        "input": {
            "path": arguments.vectors,
            "sha256": file_sha256(arguments.vectors),
            "bytes": os.path.getsize(arguments.vectors),
            "found_to_be": table.format,
            "rows": rows + table.dropped,
            "dropped": table.dropped,
            "notes": list(table.notes),
        },
        "N": rows,
        "d": table.vectors.shape[1],
        "K": arguments.K,
        "D": arguments.D,
    }


def _versions() -> dict[str, str]:
    import keras

    backend = keras.config.backend()
    return {
        "python": platform.python_version(),
        "kd_keras": __version__,
        "keras": keras.__version__,
        backend: sys.modules[backend].__version__,
        "numpy": np.__version__,
    }


def _words(table: WordVectors) -> list[str]:
    """Returns the words, or the ids as words."""
    return table.words or [str(i) for i in range(len(table.vectors))]


def _write_vocabulary(folder: Path, words: Sequence[str]) -> None:
    """Writes one word per line; the line end is a line feed everywhere."""
    text = "".join(f"{word}\n" for word in words)
    with open(
        folder / "vocabulary.txt", "w", encoding="utf-8", newline=""
    ) as file:
        file.write(text)
