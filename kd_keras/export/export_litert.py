"""Export to LiteRT, formerly TensorFlow Lite."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kd_keras.export.size.report import SizeReport

FILE = "file"  # in the temporary folder


def export_litert(
    model: Any,
    path: str | os.PathLike[str],
    vocabulary: Iterable[str] | Mapping[str, Iterable[str]] | None = None,
    quantization: str | None = None,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    unknown_id: int | Mapping[str, int | None] | None = None,
    example: Any = None,
    tolerance: float | None = None,
) -> "SizeReport":
    """Exports a layer or model with embeddings to one `.tflite` file.

    The file contains the graph and the codes, packed to b = ceil(log2 K) bits
    per value. A `keras.layers.Embedding` stays a table, so a model without
    codes can be exported and checked in the same way, for comparison. An
    archive at the end of the file contains the vocabulary and the
    configuration. The graph uses only LiteRT's builtin operators, so the file
    runs without this package. Learned codes become fixed.

    The file is written only if LiteRT's Interpreter and CompiledModel both
    compute with it what Keras computes, for every id and for random
    sequences. An earlier file at `path` is replaced. Only one process at a
    time may write it.

    The file has these functions:

    - For a `KDEmbedding` or `Embedding`, `serving_default` maps `token_ids`,
      int32 `(n,)`, to `embeddings`, float32 `(n, d)`.
    - For a model, `serving_default` maps the model's inputs to its outputs. If
      only one input contains ids, it is called `token_ids`. A single output is
      called `embeddings` if the model ends with an embedding, otherwise
      `output`; several outputs have their names in Keras, nested ones those
      of their path (`outer_inner`). In the names of inputs, `_` replaces all
      characters except ASCII letters, digits and `_`, `arg_` comes before a
      name that does not begin with a letter or is reserved in Python, and
      `_2`, `_3`, ... make equal names distinct.
    - For a language model, `sequence` maps `token_ids` `(1, sequence_length)`
      to `logits`, and `stream` reads one token per call: it maps `token_id`
      `(1,)` and the states `h_0`, `c_0`, ... to `logits` `(1, N)` and the
      states after the token.

    Args:
        model: `KDEmbedding`, `ReducedEmbedding`, `keras.layers.Embedding`, or
            Keras model that contains one, or a `KDLogits`, at any depth, built.
            If its first layer turns text or other keys into ids
            (`TextVectorization`, `StringLookup`, `IntegerLookup`), the file
            begins after it, and a line on the standard error says so.
        path: path of the file to write.
        vocabulary: list of N str, the symbols by id, or None. In a model with
            several embeddings, a dict of such lists by the names of inputs or
            of embedding layers: `{"user_ids": [...], "item_ids": [...]}`. An
            input has its name in Keras or in the file. One list must fit all
            embeddings.
        quantization: None for float32, `"int8"` for 8-bit weights, `"float16"`
            for 16-bit weights. The codes are the same in all three.
        batch_size: int or None. None leaves it dynamic, except that it is 1
            for a recurrent model that does not set its own, and for a model
            that LiteRT's CompiledModel gets wrong otherwise (`Flatten` and
            `Reshape` among others); a line on the standard error says so. A
            language model reads one text at a time.
        sequence_length: int or None. None leaves it dynamic. Recurrent models
            and the LSTM composition need a fixed one, since LiteRT computes
            wrong results for them otherwise.
        unknown_id: int or None, or a dict of them by the same names. An id out
            of range gets the vector of this id; None makes the call fail.
            Negative ids are out of range. One number is for all coded layers,
            or, in a model without any, for all embeddings.
        example: array of ids, or list of arrays, that a subclassed model can
            be called on; other models need none. Only the ranks and dtypes
            matter, and the number of columns if the columns are ids of
            different embeddings.
        tolerance: float or None. Largest accepted distance between a vector
            of an output and that of Keras, relative to the longest vector.
            None: 1e-5 in float32, 1e-2 in float16, 0.25 in int8.

    Returns:
        The `SizeReport` of the file.

    Raises:
        ValueError: If an argument is wrong, a name is unknown, the model
            cannot be called on small ids, LiteRT lacks an operator, or
            another process is writing `path`.
        RuntimeError: If the file does not compute what Keras computes
            (`kd_keras.ParityError`).

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> embedding = kd_keras.KDEmbedding(1000, 64, K=16, D=32)
    >>> embedding.build()
    >>> report = kd_keras.export_litert(embedding, "small.tflite")
    >>> print(report.parts["codes"])
    16000
    >>> small = kd_keras.load_litert("small.tflite")
    >>> print(small.embed([4, 20, 7]).shape)
    (3, 64)
    """
    from kd_keras.export.check_symbols import check_symbols
    from kd_keras.export.checks import (
        check_model,
        check_outputs,
        check_path,
        check_tolerance,
        say_left_out,
    )
    from kd_keras.utils.checks import check_choice

    coded = check_model(model)
    say_left_out(model, coded)
    check_outputs(coded)
    vocabulary = check_symbols(coded, vocabulary, unknown_id)

    from kd_keras.export.engines import litert_engines
    from kd_keras.export.litert.precisions import PRECISIONS
    from kd_keras.export.litert.quiet_litert import need_litert
    from kd_keras.export.parity import check_parity
    from kd_keras.export.signatures.signature import Signature
    from kd_keras.export.signatures.signatures_of import signatures_of
    from kd_keras.export.size.size_report import size_report
    from kd_keras.export.symbols import symbols_of
    from kd_keras.export.write_litert import SAVED_MODEL, write_litert
    from kd_keras.folders.place_folder import (
        remove_leftovers,
        temporary_beside,
    )
    from kd_keras.utils.errors import ParityError
    from kd_keras.utils.folder_lock import folder_lock

    check_choice("quantization", quantization, PRECISIONS)
    check_tolerance(tolerance)
    path = check_path(path)
    need_litert()
    signatures = signatures_of(coded, batch_size, sequence_length, example)
    symbols = symbols_of(coded, signatures, vocabulary, unknown_id)
    if tolerance is None:
        tolerance = PRECISIONS[quantization].tolerance

    def write(signatures: list[Signature], file: Path) -> None:
        write_litert(coded, file, signatures, quantization, symbols)
        with litert_engines(file) as engines:
            check_parity(engines, signatures, tolerance)

    with folder_lock(path), contextlib.ExitStack() as last:
        remove_leftovers(path, _is_unfinished)
        file = temporary_beside(path) / FILE
        file.parent.mkdir()
        last.callback(shutil.rmtree, file.parent, ignore_errors=True)
        try:
            write(signatures, file)
        except ParityError as error:
            is_open = any(s.has_open_batch for s in signatures)
            if not (error.may_be_shapes and is_open and _is_model(model)):
                raise
            signatures = signatures_of(coded, 1, sequence_length, example)
            shutil.rmtree(file.with_name(SAVED_MODEL))
            write(signatures, file)
            print(
                f"kd_keras: LiteRT's CompiledModel is wrong on {model.name!r} "
                "with an open batch size, so it is exported with batch_size=1; "
                "pass batch_size= for another",
                file=sys.stderr,
            )
        os.replace(file, path)
        return size_report(path)


def _is_unfinished(folder: Path) -> bool:
    """Returns whether a temporary folder holds only parts of an export."""
    if (
        folder.suffix != ".partial"
        or folder.is_symlink()
        or not folder.is_dir()
    ):
        return False
    from kd_keras.export.write_litert import SAVED_MODEL

    return {FILE, SAVED_MODEL}.issuperset(os.listdir(folder))


def _is_model(model: Any) -> bool:
    import keras

    return isinstance(model, keras.Model)
