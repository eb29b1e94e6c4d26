"""Loads exported files."""

import os
import struct

from kd_keras.export.litert.litert_model import LiteRTModel
from kd_keras.utils.checks import MAX_INT32, check_integer
from kd_keras.utils.errors import BadInputError, told_by


def load_litert(
    path: str | os.PathLike[str], num_threads: int = 1
) -> LiteRTModel:
    """Loads a `.tflite` file that `export_litert` wrote.

    Args:
        path: path of the file.
        num_threads: int, at least 1. Number of threads that LiteRT may use.

    Returns:
        A `LiteRTModel`.

    Raises:
        ValueError: If there is no such file, or if it is damaged or was not
            exported by this package (`kd_keras.BadInputError`).

    Example:

    >>> import kd_keras
    >>> embedding = kd_keras.KDEmbedding(3, 8, K=4, D=2)
    >>> embedding.build()
    >>> words = ["the", "cat", "sat"]
    >>> _ = kd_keras.export_litert(embedding, "small.tflite", words)
    >>> print(kd_keras.load_litert("small.tflite").embed(["cat"]).shape)
    (1, 8)
    """
    from kd_keras.export.litert import check_configuration
    from kd_keras.export.litert.archive import MAGIC, read_archive, read_file
    from kd_keras.export.litert.litert_runtimes import InterpreterRuntime
    from kd_keras.export.litert.quiet_litert import need_litert, quiet_litert
    from kd_keras.export.litert.verify_flatbuffer import verify_flatbuffer

    need_litert()
    num_threads = check_integer("`num_threads`", num_threads, high=MAX_INT32)
    content = read_file(path)
    if content[4:8] != MAGIC:
        raise BadInputError(
            f"{path} is not a .tflite file: it does not begin as one"
        )
    configuration, vocabularies, _ = read_archive(content, path)
    if configuration is None:
        raise BadInputError(
            f"{path} is not a file that export_litert wrote, or its end is "
            "missing: it contains no kd_keras.json"
        )
    if not check_configuration.fits(configuration, vocabularies):
        raise BadInputError(
            f"{path} is damaged: its kd_keras.json does not describe a file "
            "that export_litert wrote"
        )
    try:
        verify_flatbuffer(content)
        with quiet_litert():
            runtime = InterpreterRuntime(os.fspath(path), num_threads)
    except (RuntimeError, ValueError, struct.error) as error:
        raise BadInputError(
            f"{path} is damaged: {told_by(error, 200)}"
        ) from None
    try:
        return LiteRTModel(runtime, configuration, vocabularies)
    except (AttributeError, IndexError, KeyError, TypeError):
        raise BadInputError(
            f"{path} is damaged: its parts do not fit together"
        ) from None
