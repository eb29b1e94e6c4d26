"""The folder of a compressed table: codes, measurements and a page.

`report.json` contains, in this order:

- `format`: 1.
- `command`: the command line with every option written out; `arguments`: the
  same as a dictionary; `seed`.
- `versions`: the versions of Python and the packages; `platform`.
- `input`: `path`, `sha256`, `bytes`, `found_to_be` (the format), `rows`,
  `dropped` (number of rows left out because their word came earlier), `notes`.
- `N`, `d`, `K`, `D`, `code_dim`, `composition`; `has_words`: whether there is
  a `vocabulary.txt`; without words, the report shows ids in their place.
- `tiers`, with --tiers: `D` and `ends`, see `Tiers`; `in_order`, whether the
  symbols are in the order of the tiers.
- `bytes`: see `measure.measure_bytes`. `parameters`: the paper's count, see
  `sizes.parameter_count`; `total` counts codes, `without_codes` does not.
- `error`: see `measure.measure_error`. `neighbours`: see
  `measure.measure_neighbours`. `codes`: see `CodeStatistics`.
- `shared_codes`: the largest groups of symbols that share a code;
  `near_codes`: if no two symbols share one, the groups that agree in the most
  positions; `examples`. See `symbol_examples`.
- `litert`, with --litert: see `compress_litert`.
- `learned_rows`: the number of rows that the code embeddings were learned
  from; `shards`: the number of shards whose codes were merged, otherwise 1.
- `seconds`: `read`, `learn` (including finding the codes; summed over merged
  shards), `measure`.
- `files`: the size of each file in the folder, in bytes.
"""

import dataclasses
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_keras.codes.sizes import parameter_count
from kd_keras.codes.statistics import code_statistics
from kd_keras.commands.arguments import Arguments
from kd_keras.folders.codes_file import write_codes
from kd_keras.folders.description_file import FORMAT
from kd_keras.folders.output_folder import new_folder
from kd_keras.folders.report_file import write_report
from kd_keras.report.measure import (
    measure_bytes,
    measure_error,
    measure_neighbours,
)
from kd_keras.report.symbol_examples import (
    example_symbols,
    near_groups,
    shared_groups,
)
from kd_keras.utils.progress_bar import Say
from kd_keras.utils.quiet_start import quiet_start
from kd_keras.utils.row_blocks import row_blocks
from kd_keras.vectors.ids_as_words import IdsAsWords
from kd_keras.vectors.stored_table import file_sha256, stored_dtype
from kd_keras.vectors.word_vectors import WordVectors
from kd_keras.version import __version__

if TYPE_CHECKING:
    from kd_keras.folders.embedding_file import DecodedVectors
    from kd_keras.layers.kd_embedding import KDEmbedding


WRITTEN_ROWS = 1 << 16  # written or checked at a time


def write_result(
    output: Path,
    arguments: Arguments,
    table: WordVectors,
    embedding: "KDEmbedding",
    say: Say,
    learned: dict[str, Any],
    seconds: dict[str, float],
    file: str | None = None,
) -> dict[str, Any]:
    """Writes an embedding, its measurements and the page.

    The folder appears complete or not at all.

    Args:
        output: path, as returned by `check_output`. The folder to write.
        arguments: `Arguments`.
        table: `WordVectors`. The table that the embedding replaces.
        embedding: `KDEmbedding`, built, of N symbols with fixed codes.
        say: callable. Called with a line of text at the start of each step.
        learned: dict. `learned_rows` and `shards` of the report.
        seconds: dict. `read` and `learn` of the report.
        file: str or None. The file that was read, if it is a copy of what the
            arguments name.

    Returns:
        dict. The report, as stored in `report.json`.
    """
    file = file or arguments.vectors
    words: Sequence[str] = table.words or IdsAsWords(len(table.vectors))
    with new_folder(output, arguments.force) as folder:
        began = time.perf_counter()
        say("Measuring")
        decoded = _save(embedding, folder / "embedding.keras")
        report = _heading(arguments, table, file)
        report |= {
            "code_dim": embedding.code_dim,
            "composition": arguments.composition,
            "has_words": table.words is not None,
        }
        tiers = embedding.tiers
        if tiers is not None:
            report["tiers"] = {
                "D": list(tiers.D),
                "ends": list(tiers.ends),
                "in_order": tiers.order_of(embedding.codes) is None,
            }
        report |= _measure(arguments, table, words, decoded, folder, file)
        if arguments.litert is not None:
            say("Exporting to LiteRT and checking every symbol")
            with quiet_start():
                from kd_keras.commands.compress_litert import compress_litert

                report["litert"] = compress_litert(
                    decoded.embedding,
                    folder / "embedding.tflite",
                    table.words,
                    arguments.litert,
                    table.vectors,
                )
        report |= learned
        took = seconds | {"measure": time.perf_counter() - began}
        report["seconds"] = {name: round(s, 2) for name, s in took.items()}
        say(f"Writing {arguments.folder}")
        if table.words is not None:
            _write_vocabulary(folder, table.words)
        write_report(folder, report, decoded.codes)
    return report


def _save(embedding: "KDEmbedding", path: Path) -> "DecodedVectors":
    """Saves an embedding and returns the vectors decoded from the file."""
    from kd_keras.folders.embedding_file import (
        DecodedVectors,
        load_embedding,
        save_embedding,
    )

    save_embedding(embedding, path)
    return DecodedVectors(load_embedding(path))


def _measure(
    arguments: Arguments,
    table: WordVectors,
    words: Sequence[str],
    decoded: "DecodedVectors",
    folder: Path,
    file: str,
) -> dict[str, Any]:
    N, d = table.vectors.shape
    K, codes = arguments.K, decoded.codes
    packed = write_codes(
        folder / "codes.npz", codes, K, decoded.embedding.tiers
    )
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
            stored_dtype(file, arguments.tensor),
        ),
        "parameters": parameter_count(
            N,
            d,
            K,
            code_dim=arguments.code_dim,
            composition=arguments.composition,
            **arguments.tier_options,
            **decoded.embedding.composition.size_arguments(),
        ).to_dict(),
        "error": measure_error(table.vectors, decoded, table.weights),
        "neighbours": neighbours,
        "codes": code_statistics(codes, K, seed=arguments.seed).to_dict(),
        "shared_codes": shared,
        "near_codes": [] if shared else near_groups(words, codes),
        "examples": example_symbols(words, codes, arrays),
    }


def _heading(
    arguments: Arguments, table: WordVectors, file: str
) -> dict[str, Any]:
    """Returns the part of the report that describes the run and its input."""
    rows = len(table.vectors)
    return {
        "format": FORMAT,
        "command": arguments.command,
        "arguments": dataclasses.asdict(arguments)
        | {"output": arguments.folder},
        "seed": arguments.seed,
        "versions": _versions(),
        "platform": platform.platform(),
        "input": {
            "path": arguments.vectors,
            "sha256": file_sha256(file),
            "bytes": os.path.getsize(file),
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


def _write_vocabulary(folder: Path, words: Sequence[str]) -> None:
    """Writes one word per line; lines end in a line feed on every system."""
    with open(
        folder / "vocabulary.txt", "w", encoding="utf-8", newline=""
    ) as file:
        for rows in row_blocks(len(words), WRITTEN_ROWS):
            file.write("".join(f"{word}\n" for word in words[rows]))
