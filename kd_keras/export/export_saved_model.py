"""Export to a SavedModel."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def export_saved_model(
    model: Any,
    path: str | os.PathLike[str],
    vocabulary: Iterable[str] | Mapping[str, Iterable[str]] | None = None,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    unknown_id: int | Mapping[str, int | None] | None = None,
    example: Any = None,
) -> None:
    """Exports a layer or model with embeddings to a SavedModel.

    The codes are packed to b = ceil(log2 K) bits per value. Learned codes
    become fixed. The SavedModel is written only if it computes what Keras
    computes, for every id and for random sequences. An earlier one that this
    function wrote is replaced, unless the user has put other files into it.

    Args:
        model: `KDEmbedding`, `keras.layers.Embedding`, Keras model that
            contains one, or language model, built. The SavedModel has the same
            functions as the file that `export_litert` writes, and a first
            layer that looks text up is left out in the same way.
        path: path of the folder to write.
        vocabulary: list of N str, the symbols by id, a dict of such lists by
            the names of inputs or layers, or None. It is written, with the
            configuration, to the folder's `assets.extra`.
        batch_size, sequence_length, unknown_id, example: See `export_litert`.

    Raises:
        ValueError: If an argument is wrong, or another process is writing
            `path`.
        RuntimeError: If the SavedModel does not compute what Keras computes
            (`kd_keras.ParityError`).

    Example:

    >>> import keras, tensorflow as tf, kd_keras
    >>> model = keras.Sequential([kd_keras.KDEmbedding(100, 8, K=4, D=3)])
    >>> vectors = model(tf.constant([[1, 2]]))
    >>> kd_keras.export_saved_model(model, "small")
    >>> small = tf.saved_model.load("small").signatures["serving_default"]
    >>> print(small(token_ids=tf.constant([[1, 2]]))["embeddings"].shape)
    (1, 2, 8)
    """
    from kd_keras.export.check_symbols import check_symbols
    from kd_keras.export.checks import check_model, check_path, say_left_out

    coded = check_model(model)
    say_left_out(model, coded)
    vocabulary = check_symbols(coded, vocabulary, unknown_id)
    path = check_path(path, is_folder=True)

    from kd_keras.export.configuration import configuration_of
    from kd_keras.export.device_embedding import on_device
    from kd_keras.export.engines import SavedModelEngine
    from kd_keras.export.litert.precisions import PRECISIONS
    from kd_keras.export.parity import check_parity
    from kd_keras.export.saved_model_folder import is_saved_model
    from kd_keras.export.signatures.signatures_of import signatures_of
    from kd_keras.export.symbols import symbols_of
    from kd_keras.export.write import write_saved_model
    from kd_keras.folders.place_folder import (
        place_folder,
        remove_leftovers,
        temporary_for,
    )
    from kd_keras.utils.folder_lock import folder_lock

    signatures = signatures_of(coded, batch_size, sequence_length, example)
    symbols = symbols_of(coded, signatures, vocabulary, unknown_id)
    with folder_lock(path):
        remove_leftovers(path, is_saved_model)
        check_path(path, is_folder=True)
        # On the same file system, so that the last step is a rename.
        temporary = temporary_for(path)
        try:
            with on_device(coded, None, symbols.unknown_ids) as forms:
                write_saved_model(coded, temporary, signatures, forms)
            engines = [SavedModelEngine(temporary)]
            check_parity(engines, signatures, PRECISIONS[None].tolerance)
            _write_extra(
                temporary / "assets.extra",
                configuration_of(coded, signatures, None, symbols),
                symbols.vocabularies,
            )
            check_path(path, is_folder=True)
            place_folder(temporary, path, ("assets.extra", "saved_model.pb"))
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _write_extra(
    extra: Path,
    configuration: dict[str, Any],
    vocabularies: Mapping[str, list[str]],
) -> None:
    extra.mkdir()
    text = json.dumps(configuration, indent=1)
    (extra / "kd_keras.json").write_text(text + "\n", "utf-8")
    for name, words in vocabularies.items():
        lines = "".join(f"{word}\n" for word in words)
        (extra / name).write_text(lines, "utf-8", newline="\n")
